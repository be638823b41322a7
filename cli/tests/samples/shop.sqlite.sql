-- A shop that this project did not make: cycles, self-references, indexes over text, triggers,
-- views, generated columns, names that need quotes.
PRAGMA journal_mode = WAL;
CREATE TABLE customers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    referred_by INTEGER REFERENCES customers (id),
    favourite INTEGER REFERENCES products (id) DEFERRABLE INITIALLY DEFERRED,
    born TEXT, initial TEXT GENERATED ALWAYS AS (upper(substr(email, 1, 1))) VIRTUAL
);
CREATE TABLE products (
    sku TEXT NOT NULL UNIQUE, id INTEGER PRIMARY KEY, net REAL CHECK (net >= 0),
    gross REAL GENERATED ALWAYS AS (net * 1.19) STORED,
    suggested_by INTEGER REFERENCES customers (id) ON DELETE SET NULL
) STRICT;
CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT, customer INTEGER NOT NULL REFERENCES customers,
    placed INTEGER NOT NULL
);
CREATE TABLE order_lines (
    "order" INTEGER REFERENCES orders (id) ON DELETE CASCADE, place INTEGER,
    product INTEGER REFERENCES products (id), PRIMARY KEY ("order", place)
) WITHOUT ROWID;
CREATE TABLE settings (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE log (at INTEGER, text TEXT);
CREATE TABLE "odd ""name'; größe [x]" ("rowid" TEXT, "select" BLOB);
CREATE TABLE unused (id INTEGER PRIMARY KEY);
CREATE TABLE reviews (id INTEGER PRIMARY KEY, product INTEGER REFERENCES products, text TEXT);
CREATE VIRTUAL TABLE reviews_index USING fts5 (text, content = 'reviews', content_rowid = 'id');
CREATE TRIGGER reviews_new AFTER INSERT ON reviews BEGIN
    INSERT INTO reviews_index (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER reviews_gone AFTER DELETE ON reviews BEGIN
    INSERT INTO reviews_index (reviews_index, rowid, text) VALUES ('delete', old.id, old.text);
    INSERT INTO log VALUES (0, 'review ' || old.id || ' is gone');
END;
CREATE VIRTUAL TABLE help USING fts5 (title, body);
CREATE VIRTUAL TABLE shops USING rtree (id, west, east, south, north);
CREATE VIEW best AS SELECT product, count(*) AS sold FROM order_lines GROUP BY product;
CREATE TRIGGER best_new INSTEAD OF INSERT ON best BEGIN INSERT INTO log VALUES (1, 'best'); END;
CREATE INDEX orders_placed ON orders (placed DESC) WHERE placed > 100;
CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT);

INSERT INTO settings VALUES ('theme', 'dark'), ('logo', x'00ff10');
INSERT INTO django_migrations VALUES (1, 'shop', '0001_initial'), (2, 'shop', '0002_reviews');
