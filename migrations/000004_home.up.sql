-- 000004_home: which PostgreSQL the positions of the log belong to; a restored dump comes to another one.
ALTER TABLE platform ADD COLUMN home text;
