COMMENT ON COLUMN requests.subject    IS 'On whose behalf: resident:<uuid>, practitioner:<uuid>, client:<name>, service:<name>; confidential: nothing here names them.';
COMMENT ON COLUMN requests.request_id IS 'As sent; of a confidential call the first half of a digest of who asked and what was sent.';
