-- What the bot writes: replies, tweets of its own, threads, what is planned
-- for later, and the media that goes with them.

CREATE TABLE replies_sent (
    id              INTEGER PRIMARY KEY,
    account_id      TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    target_tweet_id TEXT NOT NULL,
    reply_tweet_id  TEXT,
    reply_content   TEXT NOT NULL,
    archetype       TEXT,
    llm_provider    TEXT,
    llm_model       TEXT,
    status          TEXT NOT NULL DEFAULT 'sent'
                    CHECK (status IN ('sent', 'failed', 'deleted')),
    error_message   TEXT,
    created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_replies_sent_target_tweet_id ON replies_sent (target_tweet_id);
CREATE UNIQUE INDEX idx_replies_sent_reply_tweet_id
    ON replies_sent (reply_tweet_id) WHERE reply_tweet_id IS NOT NULL;
CREATE INDEX idx_replies_sent_created_at ON replies_sent (created_at);
CREATE INDEX idx_replies_sent_account ON replies_sent (account_id, status);

CREATE TABLE original_tweets (
    id             INTEGER PRIMARY KEY,
    account_id     TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    source_node_id INTEGER REFERENCES content_nodes (id),
    tweet_id       TEXT,
    content        TEXT NOT NULL,
    topic          TEXT,
    archetype      TEXT,
    llm_provider   TEXT,
    llm_model      TEXT,
    status         TEXT NOT NULL DEFAULT 'draft'
                   CHECK (status IN ('draft', 'sent', 'failed', 'deleted')),
    error_message  TEXT,
    created_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_original_tweets_source_node_id ON original_tweets (source_node_id);
CREATE UNIQUE INDEX idx_original_tweets_tweet_id
    ON original_tweets (tweet_id) WHERE tweet_id IS NOT NULL;
CREATE INDEX idx_original_tweets_topic ON original_tweets (topic);
CREATE INDEX idx_original_tweets_created_at ON original_tweets (created_at);
CREATE INDEX idx_original_tweets_account ON original_tweets (account_id, status);

CREATE TABLE threads (
    id            INTEGER PRIMARY KEY,
    account_id    TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    topic         TEXT NOT NULL,
    root_tweet_id TEXT,
    tweet_count   INTEGER NOT NULL DEFAULT 0,
    status        TEXT NOT NULL DEFAULT 'draft'
                  CHECK (status IN ('draft', 'posting', 'sent', 'partial', 'failed')),
    created_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_threads_status ON threads (status, created_at);
CREATE UNIQUE INDEX idx_threads_root_tweet_id
    ON threads (root_tweet_id) WHERE root_tweet_id IS NOT NULL;

CREATE TABLE thread_tweets (
    id         INTEGER PRIMARY KEY,
    thread_id  INTEGER NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    tweet_id   TEXT,
    content    TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE UNIQUE INDEX idx_thread_tweets_position ON thread_tweets (thread_id, position);
CREATE INDEX idx_thread_tweets_tweet_id ON thread_tweets (tweet_id);

CREATE TABLE scheduled_content (
    id              INTEGER PRIMARY KEY,
    account_id      TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    content_type    TEXT NOT NULL DEFAULT 'tweet'
                    CHECK (content_type IN ('tweet', 'thread', 'reply')),
    content         TEXT NOT NULL,
    source          TEXT NOT NULL DEFAULT 'manual',
    scheduled_for   TEXT,
    status          TEXT NOT NULL DEFAULT 'scheduled'
                    CHECK (status IN ('scheduled', 'posted', 'cancelled', 'failed')),
    posted_tweet_id TEXT,
    created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    updated_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_scheduled_content_due ON scheduled_content (scheduled_for) WHERE status = 'scheduled';
CREATE INDEX idx_scheduled_content_account ON scheduled_content (account_id, status);

CREATE TABLE media_uploads (
    id           INTEGER PRIMARY KEY,
    account_id   TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    path         TEXT NOT NULL,
    media_type   TEXT NOT NULL,
    byte_size    INTEGER NOT NULL DEFAULT 0,
    content_hash TEXT,
    x_media_id   TEXT,
    alt_text     TEXT,
    status       TEXT NOT NULL DEFAULT 'pending'
                 CHECK (status IN ('pending', 'ready', 'expired', 'failed')),
    expires_at   TEXT,
    created_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE INDEX idx_media_uploads_content_hash ON media_uploads (content_hash);
CREATE INDEX idx_media_uploads_status ON media_uploads (status, expires_at);
CREATE UNIQUE INDEX idx_media_uploads_x_media_id
    ON media_uploads (x_media_id) WHERE x_media_id IS NOT NULL;
