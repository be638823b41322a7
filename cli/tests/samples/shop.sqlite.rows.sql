-- A while later.
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
INSERT INTO customers (email, referred_by) SELECT 'canaryzq' || i || '@example.org', nullif(i - 1, 0) FROM n;
INSERT INTO products (sku, net, suggested_by) SELECT 'sku ' || id, id / 3.0, id FROM customers LIMIT 25;
UPDATE customers SET favourite = (id % 25) + 1;
INSERT INTO orders (customer, placed) SELECT id, id * 50 FROM customers;
INSERT INTO order_lines SELECT id, 1, (id % 25) + 1 FROM orders UNION ALL SELECT id, 2, 1 FROM orders;
DELETE FROM orders WHERE id > 38;
INSERT INTO log VALUES (2, 'canaryzq'), (NULL, NULL), (3, 'it''s');
INSERT INTO "odd ""name'; größe [x]" VALUES ('a', x'01'), (NULL, NULL);
INSERT INTO reviews (product, text) SELECT id, 'canaryzq finds it number ' || id FROM products;
DELETE FROM reviews WHERE id = 3;
INSERT INTO help VALUES ('canaryzq', 'how to order'), ('second', 'how to pay');
INSERT INTO shops VALUES (1, 0, 1, 2, 3), (2, 5, 6, 7, 8);
