declare const brand: unique symbol

/** The id of a user whose data a query is about. Only a proven caller has one, so a query without an owner does not compile. */
export type Owner = string & { readonly [brand]: 'owner' }

/** The id of a tenant whose data a query is about. */
export type Tenant = string & { readonly [brand]: 'tenant' }

/** Vouches that this is the owner of what is asked for: for identification, internal calls and tests, nothing else. */
export const asOwner = (id: string): Owner => id as Owner

/** Vouches that this is the tenant of who asks: for identification, internal calls and tests, nothing else. */
export const asTenant = (id: string): Tenant => id as Tenant
