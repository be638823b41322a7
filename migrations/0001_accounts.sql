-- Who may use the bot: its accounts, what each actor may do for them, and
-- signed-in browser sessions. Seeds the default account and its two roles.

CREATE TABLE accounts (
    id               TEXT PRIMARY KEY NOT NULL,
    label            TEXT NOT NULL,
    status           TEXT NOT NULL DEFAULT 'active'
                     CHECK (status IN ('active', 'paused', 'archived')),
    x_user_id        TEXT,
    x_username       TEXT COLLATE NOCASE,
    config_overrides TEXT NOT NULL DEFAULT '{}',
    created_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    updated_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_accounts_status ON accounts (status);
CREATE UNIQUE INDEX idx_accounts_x_user_id ON accounts (x_user_id) WHERE x_user_id IS NOT NULL;

CREATE TABLE account_roles (
    id         INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    actor      TEXT NOT NULL,
    role       TEXT NOT NULL DEFAULT 'viewer'
               CHECK (role IN ('admin', 'approver', 'viewer')),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE UNIQUE INDEX idx_account_roles_account_actor ON account_roles (account_id, actor);
CREATE INDEX idx_account_roles_actor ON account_roles (actor);

-- The id is the SHA-256 of the token, in hex: the token itself is never stored.
CREATE TABLE sessions (
    id         TEXT PRIMARY KEY NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX idx_sessions_expires_at ON sessions (expires_at);

-- Constant timestamps: any two fresh installs hold the same rows.
INSERT INTO accounts (id, label, status, created_at, updated_at)
VALUES ('00000000-0000-0000-0000-000000000000', 'Default', 'active',
        '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');

INSERT INTO account_roles (id, account_id, actor, role, created_at)
VALUES (1, '00000000-0000-0000-0000-000000000000', 'dashboard', 'admin', '2026-01-01T00:00:00Z'),
       (2, '00000000-0000-0000-0000-000000000000', 'mcp', 'admin', '2026-01-01T00:00:00Z');
