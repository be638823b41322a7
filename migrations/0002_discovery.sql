-- What the bot finds: tweets that match its keywords, the accounts it follows
-- closely and their tweets, and whom it has talked to.

CREATE TABLE discovered_tweets (
    id               TEXT PRIMARY KEY NOT NULL,
    account_id       TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    author_id        TEXT NOT NULL,
    author_username  TEXT NOT NULL COLLATE NOCASE,
    content          TEXT NOT NULL,
    matched_keyword  TEXT,
    relevance_score  REAL,
    like_count       INTEGER NOT NULL DEFAULT 0,
    retweet_count    INTEGER NOT NULL DEFAULT 0,
    reply_count      INTEGER NOT NULL DEFAULT 0,
    impression_count INTEGER NOT NULL DEFAULT 0,
    replied_to       INTEGER NOT NULL DEFAULT 0 CHECK (replied_to IN (0, 1)),
    tweeted_at       TEXT,
    discovered_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_discovered_tweets_author_id ON discovered_tweets (author_id);
CREATE INDEX idx_discovered_tweets_discovered_at ON discovered_tweets (discovered_at);
CREATE INDEX idx_discovered_tweets_account ON discovered_tweets (account_id, discovered_at);
CREATE INDEX idx_discovered_tweets_open ON discovered_tweets (relevance_score) WHERE replied_to = 0;

-- Here `account_id` is the account on X that is watched.
CREATE TABLE target_accounts (
    account_id         TEXT PRIMARY KEY NOT NULL,
    username           TEXT NOT NULL UNIQUE COLLATE NOCASE,
    status             TEXT NOT NULL DEFAULT 'active'
                       CHECK (status IN ('active', 'muted', 'archived')),
    priority           INTEGER NOT NULL DEFAULT 0,
    total_replies_sent INTEGER NOT NULL DEFAULT 0,
    last_reply_at      TEXT,
    notes              TEXT,
    created_at         TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_target_accounts_status ON target_accounts (status, priority);
CREATE INDEX idx_target_accounts_last_reply_at ON target_accounts (last_reply_at);

CREATE TABLE target_tweets (
    id              TEXT PRIMARY KEY NOT NULL,
    account_id      TEXT NOT NULL REFERENCES target_accounts (account_id),
    content         TEXT NOT NULL,
    relevance_score REAL,
    like_count      INTEGER NOT NULL DEFAULT 0,
    reply_count     INTEGER NOT NULL DEFAULT 0,
    replied_to      INTEGER NOT NULL DEFAULT 0 CHECK (replied_to IN (0, 1)),
    tweeted_at      TEXT,
    discovered_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_target_tweets_account ON target_tweets (account_id, discovered_at);
CREATE INDEX idx_target_tweets_discovered_at ON target_tweets (discovered_at);
CREATE INDEX idx_target_tweets_open ON target_tweets (relevance_score) WHERE replied_to = 0;

-- One row per author and day, so that nobody is answered too often.
CREATE TABLE author_interactions (
    id               INTEGER PRIMARY KEY,
    account_id       TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    author_id        TEXT NOT NULL,
    author_username  TEXT NOT NULL COLLATE NOCASE,
    interaction_date TEXT NOT NULL,
    reply_count      INTEGER NOT NULL DEFAULT 0
);

CREATE UNIQUE INDEX idx_author_interactions_day
    ON author_interactions (account_id, author_id, interaction_date);
CREATE INDEX idx_author_interactions_author_id ON author_interactions (author_id);
