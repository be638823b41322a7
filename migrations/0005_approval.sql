-- What waits for a person to say yes, and what they changed before they did.

-- AUTOINCREMENT: an id that a person has seen never names another action.
CREATE TABLE approval_queue (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id        TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    action_type       TEXT NOT NULL,
    target_tweet_id   TEXT,
    target_author     TEXT,
    generated_content TEXT NOT NULL,
    topic             TEXT,
    archetype         TEXT,
    score             REAL NOT NULL DEFAULT 0,
    media_paths       TEXT NOT NULL DEFAULT '[]',
    status            TEXT NOT NULL DEFAULT 'pending'
                      CHECK (status IN ('pending', 'approved', 'rejected', 'posted', 'failed', 'expired')),
    reviewed_by       TEXT,
    review_notes      TEXT,
    posted_tweet_id   TEXT,
    created_at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    reviewed_at       TEXT
);

CREATE INDEX idx_approval_queue_status ON approval_queue (status, created_at);
CREATE INDEX idx_approval_queue_account ON approval_queue (account_id, status);
CREATE INDEX idx_approval_queue_target_tweet_id ON approval_queue (target_tweet_id);

CREATE TABLE approval_edit_history (
    id          INTEGER PRIMARY KEY,
    approval_id INTEGER NOT NULL REFERENCES approval_queue (id),
    editor      TEXT NOT NULL DEFAULT 'dashboard',
    field       TEXT NOT NULL DEFAULT 'generated_content',
    old_value   TEXT NOT NULL,
    new_value   TEXT NOT NULL,
    created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_approval_edit_history_approval ON approval_edit_history (approval_id, created_at);
