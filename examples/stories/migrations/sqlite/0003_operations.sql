-- What the service keeps for those who run it: reports, the tokens that were issued, and
-- who did what.

CREATE TABLE reports (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    author_id  INTEGER NOT NULL REFERENCES users (id),
    name       TEXT NOT NULL UNIQUE CHECK (name <> ''),
    figures    TEXT NOT NULL CHECK (json_valid(figures)),
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_reports_author_id ON reports (author_id);

-- The id is that of the token: nobody can sign in with it.
CREATE TABLE sessions (
    id         TEXT PRIMARY KEY NOT NULL,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    -- Seconds since 1970, as the token itself says it.
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX idx_sessions_user_id ON sessions (user_id);
CREATE INDEX idx_sessions_expires_at ON sessions (expires_at);

CREATE TABLE audit_log (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Nobody, where the service did it by itself.
    user_id    INTEGER REFERENCES users (id),
    action     TEXT NOT NULL CHECK (action <> ''),
    detail     TEXT CHECK (json_valid(detail)),
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_audit_log_user_id ON audit_log (user_id);
CREATE INDEX idx_audit_log_created_at ON audit_log (created_at);
