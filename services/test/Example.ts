/** Examples of commands and events: each with some value for what a test does not care about. */

type Of<Union, Tag> = Extract<Union, { readonly _tag: Tag }>

/** Makes examples of one kind of a union; what is not given is as in the defaults. */
export const of =
  <Union extends { readonly _tag: string }>() =>
  <Tag extends Union["_tag"]>(defaults: Of<Union, Tag>) =>
  (given: Partial<Of<Union, Tag>> = {}): Of<Union, Tag> => ({ ...defaults, ...given })
