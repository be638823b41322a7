-- How it went: followers by day, what each post and reply earned, which topics
-- and formats do well, and the weekly report drawn from them.

CREATE TABLE follower_snapshots (
    id              INTEGER PRIMARY KEY,
    account_id      TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    snapshot_date   TEXT NOT NULL,
    follower_count  INTEGER NOT NULL,
    following_count INTEGER NOT NULL DEFAULT 0,
    tweet_count     INTEGER NOT NULL DEFAULT 0,
    created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE UNIQUE INDEX idx_follower_snapshots_day ON follower_snapshots (account_id, snapshot_date);

CREATE TABLE reply_performance (
    id                INTEGER PRIMARY KEY,
    reply_tweet_id    TEXT NOT NULL,
    like_count        INTEGER NOT NULL DEFAULT 0,
    reply_count       INTEGER NOT NULL DEFAULT 0,
    impression_count  INTEGER NOT NULL DEFAULT 0,
    performance_score REAL NOT NULL DEFAULT 0,
    measured_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE UNIQUE INDEX idx_reply_performance_reply_tweet_id ON reply_performance (reply_tweet_id);
CREATE INDEX idx_reply_performance_score ON reply_performance (performance_score);

CREATE TABLE tweet_performance (
    id                INTEGER PRIMARY KEY,
    tweet_id          TEXT NOT NULL,
    like_count        INTEGER NOT NULL DEFAULT 0,
    retweet_count     INTEGER NOT NULL DEFAULT 0,
    reply_count       INTEGER NOT NULL DEFAULT 0,
    impression_count  INTEGER NOT NULL DEFAULT 0,
    performance_score REAL NOT NULL DEFAULT 0,
    measured_at       TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE UNIQUE INDEX idx_tweet_performance_tweet_id ON tweet_performance (tweet_id);
CREATE INDEX idx_tweet_performance_score ON tweet_performance (performance_score);

CREATE TABLE content_scores (
    id              INTEGER PRIMARY KEY,
    account_id      TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    topic           TEXT NOT NULL,
    format          TEXT NOT NULL,
    total_posts     INTEGER NOT NULL DEFAULT 0,
    avg_performance REAL NOT NULL DEFAULT 0,
    updated_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE UNIQUE INDEX idx_content_scores_topic ON content_scores (account_id, topic, format);
CREATE INDEX idx_content_scores_performance ON content_scores (avg_performance);

CREATE TABLE strategy_reports (
    id              INTEGER PRIMARY KEY,
    account_id      TEXT NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    week_start      TEXT NOT NULL,
    week_end        TEXT NOT NULL,
    replies_sent    INTEGER NOT NULL DEFAULT 0,
    tweets_posted   INTEGER NOT NULL DEFAULT 0,
    threads_posted  INTEGER NOT NULL DEFAULT 0,
    follower_delta  INTEGER NOT NULL DEFAULT 0,
    top_topics      TEXT NOT NULL DEFAULT '[]',
    recommendations TEXT NOT NULL DEFAULT '[]',
    created_at      TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
);

CREATE UNIQUE INDEX idx_strategy_reports_week ON strategy_reports (account_id, week_start);
