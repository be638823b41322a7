-- Who writes, and what they have written. Users and stories refer to each other:
-- a story has its author, a user may show off one story.

CREATE TABLE users (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    username          TEXT NOT NULL UNIQUE,
    password_hash     TEXT NOT NULL,
    -- Random, and part of every token: a later user with the same id is somebody else.
    token_key         TEXT NOT NULL UNIQUE,
    role              TEXT NOT NULL CHECK (role IN ('administrator', 'writer')),
    invited_by        INTEGER REFERENCES users (id),
    featured_story_id INTEGER REFERENCES stories (id),
    created_at        TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHECK (invited_by <> id)
);

CREATE INDEX idx_users_invited_by ON users (invited_by);
CREATE INDEX idx_users_featured_story_id ON users (featured_story_id);

CREATE TABLE stories (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    author_id    INTEGER NOT NULL REFERENCES users (id),
    title        TEXT NOT NULL CHECK (title <> ''),
    -- What titles are sorted by.
    title_key    TEXT NOT NULL GENERATED ALWAYS AS (lower(title)) STORED,
    summary      TEXT,
    cover        BLOB,
    published_at TEXT,
    created_at   TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_stories_author_id ON stories (author_id);
CREATE INDEX idx_stories_title_key ON stories (title_key);

CREATE TABLE characters (
    id             INTEGER PRIMARY KEY,
    story_id       INTEGER NOT NULL REFERENCES stories (id),
    name           TEXT NOT NULL CHECK (name <> ''),
    motto          TEXT,
    is_protagonist INTEGER NOT NULL DEFAULT 0 CHECK (is_protagonist IN (0, 1)),
    UNIQUE (story_id, name)
);

CREATE TABLE chapters (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    story_id    INTEGER NOT NULL REFERENCES stories (id),
    previous_id INTEGER UNIQUE REFERENCES chapters (id),
    number      INTEGER NOT NULL CHECK (number > 0),
    title       TEXT NOT NULL CHECK (title <> ''),
    body        TEXT NOT NULL,
    -- Near enough: the spaces between words.
    word_count  INTEGER NOT NULL
                GENERATED ALWAYS AS (length(body) - length(replace(body, ' ', '')) + 1) STORED,
    created_at  TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (story_id, number),
    CHECK (previous_id <> id)
);
