//! Options of an import, and what it reports.

use crate::error::Result;
use crate::ids::AccountId;
use crate::import::portals::Portal;
use crate::moment::DateOrder;
use crate::number::DecimalMark;
use serde::{Deserialize, Serialize};

/// Policy for a row whose ICCID is known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDuplicate {
    /// The first one stays; a row that says the same counts as unchanged.
    #[default]
    Skip,
    /// The row replaces what its columns say.
    Update,
    /// The whole import fails.
    Fail,
}

/// Options that say how a file is read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportOptions {
    /// The account that paths hang under; `None` means the user's own.
    pub under: Option<AccountId>,
    /// `header=field` pairs that overrule recognition; a field may have a sign and a unit:
    /// `-used:MB`.
    pub map: Vec<(String, String)>,
    /// Columns that are known to be of no use.
    pub ignore: Vec<String>,
    /// The file holds no status: every SIM is active.
    pub no_status: bool,
    /// Status words of the file with our word for each.
    pub map_status: Vec<(String, String)>,
    /// Order of day and month, where a column does not settle it.
    pub dates: Option<DateOrder>,
    /// Decimal mark, where a column does not settle it.
    pub decimal: Option<DecimalMark>,
    /// Delimiter; found out when `None`.
    pub delimiter: Option<u8>,
    /// `"` is a character like any other.
    pub no_quotes: bool,
    /// Line of the header; found out when `None`.
    pub header_line: Option<u64>,
    /// Encoding; recognised when `None`.
    pub encoding: Option<String>,
    /// Sheet of a workbook; the first when `None`.
    pub sheet: Option<String>,
    /// Name of the portal; recognised when `None`.
    pub portal: Option<String>,
    /// The user's own portal files.
    pub portals: Vec<Portal>,
    /// Policy for known ICCIDs.
    pub on_duplicate: OnDuplicate,
    /// True if accounts that do not exist are an error instead of being made.
    pub no_create_accounts: bool,
}

/// A remark about a row, or about the whole file on the line of its header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The line in the file, from 1.
    pub line: u64,
    /// The header of the column, or empty when it is about the whole row.
    pub column: String,
    /// The value, cleaned.
    pub value: String,
    /// The reason.
    pub reason: String,
    /// True if the row was refused for it.
    pub refused: bool,
}

/// Result of an import, or of its dry run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSummary {
    /// Rows read, without the header and empty ones.
    pub rows: u64,
    /// New SIMs.
    pub added: u64,
    /// Known SIMs that change.
    pub updated: u64,
    /// Rows that say what is known.
    pub unchanged: u64,
    /// Rows left out, each with a note.
    pub refused: u64,
    /// Rows taken with a warning.
    pub doubtful: u64,
    /// Rows taken without a value that could not be read.
    #[serde(default)]
    pub incomplete: u64,
    /// Empty lines.
    pub empty: u64,
    /// Lines of totals, and rows that the portal file leaves out.
    #[serde(default)]
    pub skipped: u64,
    /// Accounts made.
    pub accounts: u64,
    /// Caps that were above the ceiling of their account, and are held to it.
    pub held: u64,
    /// Title of the portal that was recognised.
    #[serde(default)]
    pub portal: Option<String>,
}

/// Takes a row with its line; `None` is one that was refused.
pub(crate) type RowSink<'a, R> = dyn FnMut(u64, Option<R>, &mut NoteSink<'_>) -> Result<()> + 'a;

/// Takes every note as it is made.
pub type NoteSink<'a> = dyn FnMut(Note) + 'a;
