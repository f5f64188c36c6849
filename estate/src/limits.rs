//! Limits on what is stored and asked for: one table for every way in (import, edit, API, screen).
//!
//! Lengths of text are in characters (Unicode scalar values) unless they say otherwise.

/// Longest name of an account, a user, a token or a saved filter, and longest reference of an
/// account.
pub const NAME: usize = 100;
/// Longest label of a SIM, longest other text of one line, and longest reason for a change.
pub const LABEL: usize = 200;
/// Longest notes of a SIM.
pub const NOTES: usize = 20_000;
/// Longest tag or category.
pub const TAG: usize = 64;
/// Longest mail address, in octets (RFC 5321 §4.5.3.1.3, without the brackets).
pub const EMAIL: usize = 254;
/// Levels of accounts below the root of the estate, whether or not the user sees all of them.
pub const ACCOUNT_DEPTH: usize = 64;
/// Names in the path of an account: the root and [`ACCOUNT_DEPTH`] levels below it.
pub const PATH_NAMES: usize = ACCOUNT_DEPTH + 1;
/// Longest Help and Support page.
pub const HELP_PAGE: usize = 20_000;
/// Longest field of a Help and Support contact.
pub const HELP_FIELD: usize = 200;
/// Longest telephone number of a Help and Support contact.
pub const HELP_PHONE: usize = 50;
/// Entries of a pasted list of identifiers, and SIMs that an operation names one by one.
pub const LIST_ENTRIES: usize = 100_000;
/// Longest filter, in bytes.
pub const FILTER_BYTES: usize = 4 << 20;
/// Nested brackets of a filter.
pub const FILTER_DEPTH: usize = 64;
/// Values in a filter.
pub const FILTER_VALUES: usize = 100_000;
/// Saved filters of a user.
pub const SAVED_FILTERS: usize = 500;
/// Columns that a query is sorted by.
pub const SORT_COLUMNS: usize = 4;
/// Shortest password.
pub const PASSWORD_MIN: usize = 12;
/// Longest password.
pub const PASSWORD_MAX: usize = 256;
