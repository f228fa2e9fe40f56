import { STORED_BYTES } from '../reports/removal.ts'

/** Text that is compared by its characters, as SQLite does. */
const WORD = 'TEXT COLLATE "C"'

/** The tables of migration.ts; what counts has a row for each shard. The policies are added where the list of migrations is. */
export const TENANT_TABLES: readonly string[] = [
  `CREATE TABLE tenants (
    id ${WORD} PRIMARY KEY,
    title TEXT NOT NULL,
    state TEXT NOT NULL,
    reportsPerMinute BIGINT,
    reportsPerDay BIGINT,
    bytesPerDay BIGINT,
    storageBytes BIGINT,
    createdAt BIGINT NOT NULL,
    updatedAt BIGINT NOT NULL
  )`,
  `CREATE TABLE tenant_days (
    tenantId ${WORD} NOT NULL,
    day BIGINT NOT NULL,
    shard SMALLINT NOT NULL,
    reports BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenantId, day, shard)
  ) WITH (fillfactor = 50)`,
  'CREATE INDEX tenant_days_by_age ON tenant_days (day)',
  `CREATE TABLE tenant_storage (
    tenantId ${WORD} NOT NULL,
    shard SMALLINT NOT NULL,
    reports BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (tenantId, shard)
  ) WITH (fillfactor = 50)`,
  `INSERT INTO tenant_storage SELECT tenantId, 0, count(*), sum(${STORED_BYTES}) FROM reports GROUP BY tenantId`,
  `CREATE TABLE tenant_refusals (
    tenantId ${WORD} NOT NULL,
    day BIGINT NOT NULL,
    reason ${WORD} NOT NULL,
    shard SMALLINT NOT NULL,
    refused BIGINT NOT NULL,
    PRIMARY KEY (tenantId, day, reason, shard)
  )`,
  'CREATE INDEX tenant_refusals_by_age ON tenant_refusals (day)',
]
