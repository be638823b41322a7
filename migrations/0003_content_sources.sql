-- Where ideas come from: folders that are watched, the notes read from them,
-- and the hooks drawn out of each note.

CREATE TABLE source_contexts (
    id             INTEGER PRIMARY KEY,
    account_id     TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    source_type    TEXT NOT NULL,
    path           TEXT UNIQUE,
    config_json    TEXT NOT NULL DEFAULT '{}',
    sync_cursor    TEXT,
    status         TEXT NOT NULL DEFAULT 'active'
                   CHECK (status IN ('active', 'paused', 'error')),
    error_message  TEXT,
    last_synced_at TEXT,
    created_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    updated_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_source_contexts_source_type ON source_contexts (source_type);
CREATE INDEX idx_source_contexts_status ON source_contexts (status);

-- The unique key starts with `source_id`, so it serves that reference too.
CREATE TABLE content_nodes (
    id            INTEGER PRIMARY KEY,
    account_id    TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    source_id     INTEGER NOT NULL REFERENCES source_contexts (id),
    relative_path TEXT NOT NULL,
    title         TEXT,
    body          TEXT NOT NULL DEFAULT '',
    content_hash  TEXT NOT NULL,
    tags          TEXT,
    status        TEXT NOT NULL DEFAULT 'pending'
                  CHECK (status IN ('pending', 'processed', 'skipped')),
    ingested_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    updated_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    UNIQUE (source_id, relative_path)
);

CREATE INDEX idx_content_nodes_content_hash ON content_nodes (content_hash);
CREATE INDEX idx_content_nodes_status ON content_nodes (status, ingested_at);

CREATE TABLE draft_seeds (
    id                INTEGER PRIMARY KEY,
    account_id        TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    node_id           INTEGER NOT NULL REFERENCES content_nodes (id),
    hook_text         TEXT NOT NULL,
    archetype         TEXT,
    engagement_weight REAL NOT NULL DEFAULT 0.5,
    status            TEXT NOT NULL DEFAULT 'pending'
                      CHECK (status IN ('pending', 'used', 'rejected')),
    used_at           TEXT,
    created_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_draft_seeds_node_id ON draft_seeds (node_id);
CREATE INDEX idx_draft_seeds_status ON draft_seeds (status, engagement_weight);
