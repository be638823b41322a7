-- Who writes, and what they have written. Users and stories refer to each other:
-- a story has its author, a user may show off one story.

CREATE TABLE users (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username          text NOT NULL UNIQUE,
    password_hash     text NOT NULL,
    -- Random, and part of every token: a later user with the same id is somebody else.
    token_key         text NOT NULL UNIQUE,
    role              text NOT NULL CHECK (role IN ('administrator', 'writer')),
    invited_by        bigint REFERENCES users (id),
    featured_story_id bigint,
    created_at        timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHECK (invited_by <> id)
);

CREATE INDEX idx_users_invited_by ON users (invited_by);
CREATE INDEX idx_users_featured_story_id ON users (featured_story_id);

CREATE TABLE stories (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author_id    bigint NOT NULL REFERENCES users (id),
    title        text NOT NULL CHECK (title <> ''),
    -- What titles are sorted by.
    title_key    text NOT NULL GENERATED ALWAYS AS (lower(title)) STORED,
    summary      text,
    cover        bytea,
    published_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX idx_stories_author_id ON stories (author_id);
CREATE INDEX idx_stories_title_key ON stories (title_key);

-- Not before both are there.
ALTER TABLE users ADD FOREIGN KEY (featured_story_id) REFERENCES stories (id);

CREATE TABLE characters (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    story_id       bigint NOT NULL REFERENCES stories (id),
    name           text NOT NULL CHECK (name <> ''),
    motto          text,
    is_protagonist boolean NOT NULL DEFAULT false,
    UNIQUE (story_id, name)
);

CREATE TABLE chapters (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    story_id    bigint NOT NULL REFERENCES stories (id),
    previous_id bigint UNIQUE REFERENCES chapters (id),
    number      integer NOT NULL CHECK (number > 0),
    title       text NOT NULL CHECK (title <> ''),
    body        text NOT NULL,
    -- Near enough: the spaces between words.
    word_count  integer NOT NULL
                GENERATED ALWAYS AS (length(body) - length(replace(body, ' ', '')) + 1) STORED,
    created_at  timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (story_id, number),
    CHECK (previous_id <> id)
);
