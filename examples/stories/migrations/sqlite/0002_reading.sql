-- What readers add: comments, which answer one another, and tags.

CREATE TABLE comments (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    story_id   INTEGER NOT NULL REFERENCES stories (id),
    author_id  INTEGER NOT NULL REFERENCES users (id),
    parent_id  INTEGER REFERENCES comments (id),
    text       TEXT NOT NULL CHECK (text <> ''),
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CHECK (parent_id <> id)
);

CREATE INDEX idx_comments_story_id ON comments (story_id);
CREATE INDEX idx_comments_author_id ON comments (author_id);
CREATE INDEX idx_comments_parent_id ON comments (parent_id);

CREATE TABLE tags (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name <> '')
);

CREATE TABLE story_tags (
    story_id INTEGER NOT NULL REFERENCES stories (id),
    tag_id   INTEGER NOT NULL REFERENCES tags (id),
    PRIMARY KEY (story_id, tag_id)
) WITHOUT ROWID;

CREATE INDEX idx_story_tags_tag_id ON story_tags (tag_id);
