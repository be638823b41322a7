-- How the automation keeps its place: limits per action, how far each feed has
-- been read, and the log of what it did.

CREATE TABLE rate_limits (
    id             INTEGER PRIMARY KEY,
    account_id     TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    action_type    TEXT NOT NULL,
    request_count  INTEGER NOT NULL DEFAULT 0,
    max_requests   INTEGER NOT NULL,
    period_seconds INTEGER NOT NULL,
    period_start   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT;

CREATE UNIQUE INDEX idx_rate_limits_action ON rate_limits (account_id, action_type);

CREATE TABLE cursors (
    id         INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT;

CREATE UNIQUE INDEX idx_cursors_name ON cursors (account_id, name);

-- AUTOINCREMENT: readers page by id, so an id is never given twice.
CREATE TABLE action_log (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    action_type TEXT NOT NULL,
    status      TEXT NOT NULL DEFAULT 'success'
                CHECK (status IN ('success', 'failure', 'skipped')),
    message     TEXT,
    created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_action_log_action_type ON action_log (action_type, created_at);
CREATE INDEX idx_action_log_account ON action_log (account_id, created_at);
CREATE INDEX idx_action_log_failures ON action_log (created_at) WHERE status = 'failure';
