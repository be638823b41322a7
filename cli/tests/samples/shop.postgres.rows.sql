-- A while later.
INSERT INTO customers (email, referred_by, sizes)
    SELECT 'canaryzq' || i || '@example.org', nullif(i - 1, 0), '{small,large}' FROM generate_series(1, 40) AS i;
INSERT INTO products (sku, net, data, suggested_by)
    SELECT 'sku ' || id, id / 3.0, '{"a": [1, null]}', id FROM customers WHERE id <= 25;
UPDATE customers SET favourite = 100 + (id % 25) * 5;
INSERT INTO orders (customer, placed) SELECT id, date '2024-12-20' + id FROM customers;
INSERT INTO order_lines SELECT id, placed, 1, 100 FROM orders UNION ALL SELECT id, placed, 2, 105 FROM orders;
DELETE FROM orders WHERE id > 38;
INSERT INTO log VALUES (now(), 'canaryzq'), (NULL, NULL);
INSERT INTO error_log VALUES (now(), E'tab\t\\ \n', 7);
INSERT INTO "odd ""name'; größe [x].y" VALUES ('a', '{1,NULL}'), (NULL, NULL);
INSERT INTO invoices (text) SELECT 'canaryzq ' || i FROM generate_series(1, 9) AS i;
INSERT INTO stock.levels SELECT id, 3 FROM products;
REFRESH MATERIALIZED VIEW sold;
REFRESH MATERIALIZED VIEW known;
REFRESH MATERIALIZED VIEW known_again;
