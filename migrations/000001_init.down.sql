DROP TABLE platform, shards, conversation_months, send_keys, events, messages, read_horizons, conversation_participants, conversations, users;
