import { openDatabase, type Database, type Migration } from '#shared/database.ts'
import { IDEMPOTENCY_TABLE } from '#shared/writes.ts'
import path from 'node:path'
import type { IdentityConfig } from './config.ts'

/** Marks the file as identity's: 'NJid'. */
const APPLICATION_ID = 0x4e_4a_69_64

/**
 * Append-only. Times that the API shows are ISO texts and end in `_at`; others are milliseconds since 1970. What is called
 * `sealed` is encrypted by the keyring, what is called `hash` cannot be turned back.
 */
export const migrations: readonly Migration[] = [
  `${IDEMPOTENCY_TABLE}
  CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'suspended', 'deleting')),
    password_hash TEXT,
    email_verified_at TEXT,
    -- A pending account becomes approved when it waits for nothing any more.
    awaits_email INTEGER NOT NULL DEFAULT 0,
    awaits_approval INTEGER NOT NULL DEFAULT 0,
    locale TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  );
  CREATE INDEX accounts_unverified ON accounts (updated_at) WHERE awaits_email = 1;
  CREATE TABLE tenants (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL
  );
  INSERT INTO tenants VALUES ('default', 'Default', strftime('%Y-%m-%dT%H:%M:%fZ'));
  CREATE TABLE memberships (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'auditor', 'admin')),
    created_at TEXT NOT NULL,
    PRIMARY KEY (account_id, tenant)
  ) WITHOUT ROWID;
  CREATE INDEX memberships_by_tenant ON memberships (tenant, account_id);

  -- Links in mails, the token of the first admin, the step between password and second factor: good once, by their hash.
  CREATE TABLE one_time_tokens (
    hash BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    account_id TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    detail TEXT NOT NULL DEFAULT '{}',
    expires INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX one_time_tokens_by_account ON one_time_tokens (account_id, purpose);
  CREATE INDEX one_time_tokens_by_age ON one_time_tokens (expires);

  -- Mails that are still to be sent, and how much people have asked for who did not sign in.
  CREATE TABLE mail_outbox (
    id TEXT PRIMARY KEY,
    content_sealed BLOB NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL,
    created INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX mail_outbox_by_time ON mail_outbox (next);
  CREATE TABLE stranger_counts (
    key TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    expires INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX stranger_counts_by_age ON stranger_counts (expires);

  -- Tries to sign in by an HMAC of what they are counted for: who reads this file learns no address of anybody.
  CREATE TABLE login_failures (
    key BLOB PRIMARY KEY,
    failures INTEGER NOT NULL,
    -- The failures are those of this time; later ones are fewer by those that were given back since.
    last INTEGER NOT NULL,
    next INTEGER NOT NULL,
    expires INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX login_failures_by_age ON login_failures (expires);

  CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    tenant TEXT NOT NULL,
    amr TEXT NOT NULL,
    ip TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
  );
  CREATE INDEX sessions_by_account ON sessions (account_id, created_at);
  CREATE INDEX sessions_by_age ON sessions (expires_at);
  -- Every token of a family that was ever given out stays until the session ends, so that a reuse is noticed.
  CREATE TABLE refresh_tokens (
    hash BLOB PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    used INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);

  -- What gateways must forget: 'session:<id>', 'account:<id>', 'key:<id>', 'app-password:<id>', 'token:<hash>', 'grant:<id>', 'client:<id>'.
  CREATE TABLE revocations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    revoked INTEGER NOT NULL,
    expires INTEGER NOT NULL
  );
  CREATE INDEX revocations_by_age ON revocations (expires);

  CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    public_jwk TEXT NOT NULL,
    private_sealed BLOB NOT NULL,
    created_at TEXT NOT NULL,
    -- The key signs from here on until the next one does; it is published before and after.
    active INTEGER NOT NULL,
    retired INTEGER
  );
  CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    value_sealed BLOB NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE totp (
    account_id TEXT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    secret_sealed BLOB NOT NULL,
    confirmed_at TEXT,
    -- The time step of the last code that was taken: none is taken twice (RFC 6238 5.2).
    last_step INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  CREATE TABLE recovery_codes (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    used_at TEXT,
    PRIMARY KEY (account_id, hash)
  ) WITHOUT ROWID;
  CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    credential_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    public_key BLOB NOT NULL,
    counter INTEGER NOT NULL,
    transports TEXT NOT NULL,
    device_type TEXT NOT NULL,
    backed_up INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT
  );
  CREATE INDEX passkeys_by_account ON passkeys (account_id);

  CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    account_id TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    scope TEXT NOT NULL,
    hash BLOB NOT NULL,
    -- The key that takes its place while both are good.
    rotated_to TEXT,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    last_used_at TEXT
  );
  CREATE INDEX api_keys_by_tenant ON api_keys (tenant, id);
  CREATE INDEX api_keys_by_account ON api_keys (account_id, id);
  CREATE TABLE app_passwords (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created_at TEXT NOT NULL,
    last_used_at TEXT
  );
  CREATE INDEX app_passwords_by_account ON app_passwords (account_id);

  -- Applications that administrators registered. Of a secret only the hash is kept; metadata is what RFC 7591 calls so.
  CREATE TABLE oauth_clients (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    metadata TEXT NOT NULL,
    -- What the application may do in its own name; NULL for one that acts for people only.
    role TEXT,
    first_party INTEGER NOT NULL,
    secret_hash TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  );
  CREATE INDEX oauth_clients_by_tenant ON oauth_clients (tenant, id);
  -- What oidc-provider keeps: sessions, interactions, grants, codes and tokens, each by the hash of what its holder has.
  CREATE TABLE oidc_records (
    model TEXT NOT NULL,
    id TEXT NOT NULL,
    payload_sealed BLOB NOT NULL,
    grant_id TEXT,
    user_code TEXT,
    uid TEXT,
    account_id TEXT REFERENCES accounts (id) ON DELETE CASCADE,
    client_id TEXT REFERENCES oauth_clients (id) ON DELETE CASCADE,
    consumed INTEGER,
    expires INTEGER NOT NULL,
    PRIMARY KEY (model, id)
  );
  CREATE INDEX oidc_records_by_grant ON oidc_records (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX oidc_records_by_user_code ON oidc_records (user_code) WHERE user_code IS NOT NULL;
  CREATE INDEX oidc_records_by_uid ON oidc_records (uid) WHERE uid IS NOT NULL;
  CREATE INDEX oidc_records_by_account ON oidc_records (account_id) WHERE account_id IS NOT NULL;
  CREATE INDEX oidc_records_by_client ON oidc_records (client_id) WHERE client_id IS NOT NULL;
  CREATE INDEX oidc_records_by_age ON oidc_records (expires);

  -- The audit log: numbered without gaps, each row bound to the one before by its hash.
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    time INTEGER NOT NULL,
    service TEXT NOT NULL,
    request_id TEXT NOT NULL,
    event TEXT NOT NULL,
    actor TEXT NOT NULL,
    credential TEXT,
    tenant TEXT NOT NULL,
    ip TEXT NOT NULL,
    user_agent TEXT,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    permission TEXT,
    status INTEGER NOT NULL,
    result TEXT NOT NULL,
    target TEXT,
    detail TEXT,
    hash BLOB NOT NULL
  );
  CREATE INDEX audit_by_time ON audit (tenant, time, seq);
  CREATE INDEX audit_by_actor ON audit (tenant, actor, time, seq);
  CREATE INDEX audit_by_target ON audit (tenant, target, time, seq) WHERE target IS NOT NULL;
  CREATE INDEX audit_by_request ON audit (request_id) WHERE request_id <> '';
  -- The last row that retention has deleted: what the first one that is left follows.
  CREATE TABLE audit_anchor (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL
  );
  INSERT INTO audit_anchor VALUES (1, 0, zeroblob(32));
  CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
    SELECT RAISE (ABORT, 'the audit log is only added to');
  END;
  CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit WHEN OLD.seq > (SELECT seq FROM audit_anchor) BEGIN
    SELECT RAISE (ABORT, 'the audit log is only added to');
  END;

  -- What other services still have to delete of accounts that are gone.
  CREATE TABLE account_deletions (
    account_id TEXT NOT NULL,
    service TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL,
    PRIMARY KEY (account_id, service)
  ) WITHOUT ROWID;`,
]

export const openIdentityDatabase = (config: Pick<IdentityConfig, 'DATA_DIR'>): Database =>
  openDatabase({ file: path.join(config.DATA_DIR, 'identity.db'), applicationId: APPLICATION_ID, migrations })
