/** Who asked; entries of before say nothing of it. For the file and for PostgreSQL. */
export const NAME_ACTORS = 'ALTER TABLE audit_log ADD COLUMN actor TEXT'
