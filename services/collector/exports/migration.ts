/** Links have a purpose, an id and an end before their time; bundles are signed. */
export const EXPORT_TABLES = `
  ALTER TABLE sign_tokens ADD COLUMN id TEXT NOT NULL DEFAULT '';
  ALTER TABLE sign_tokens ADD COLUMN purpose TEXT NOT NULL DEFAULT 'bundle';
  ALTER TABLE sign_tokens ADD COLUMN singleUse INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sign_tokens ADD COLUMN usedAt INTEGER;
  ALTER TABLE sign_tokens ADD COLUMN revokedAt INTEGER;
  UPDATE sign_tokens SET id = lower(hex(randomblob(8)));
  CREATE UNIQUE INDEX sign_tokens_by_id ON sign_tokens (id);

  -- publicKey is base64url, privateSealed a sealed JWK; active is the moment from which a key is the one for new reports.
  CREATE TABLE bundle_keys (
    kid TEXT PRIMARY KEY,
    publicKey TEXT NOT NULL,
    privateSealed BLOB NOT NULL,
    active INTEGER NOT NULL,
    createdAt INTEGER NOT NULL
  ) WITHOUT ROWID;
`

/** Links that are over are found by when, to be deleted. */
export const LINKS_BY_EXPIRY = 'CREATE INDEX sign_tokens_by_expiry ON sign_tokens (expiresAt)'
