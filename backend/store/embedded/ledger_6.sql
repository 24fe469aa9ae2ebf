-- A meter that is put aside for a time: its readings are refused until it is taken back, while a revoked one is gone for good.
ALTER TABLE device ADD COLUMN disabled_ms INTEGER;
