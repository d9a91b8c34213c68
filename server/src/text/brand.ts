/** A type that only its maker gives out: `Brand<bigint, 'Iova'>` is no `Brand<bigint, 'PhysicalAddress'>`. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };
