//! The beginning of a reading: the file is recognised, its header is found, and its columns are
//! settled.

use std::io::Read;

use super::decode::Strictness;
use super::header::{Layout, find_header};
use super::mapping::Mapping;
use super::spool::{Spool, Tick};
use super::{columns, container, portals};
use crate::error::Result;
use crate::import::header_name::Header;
use crate::import::options::ImportOptions;
use crate::import::portals::Holds;

/// Reads a file up to its first row: its header is found and how its columns are written is
/// settled.
pub(super) fn read_mapping(
    input: Box<dyn Read + Send + '_>,
    options: &ImportOptions,
    holds: Holds,
    tick: Tick<'_>,
) -> Result<(Spool, Mapping)> {
    let strictness = Strictness { encoding: true, lines: true };
    let mut spool = container::unpack(input, options, strictness, tick)?;
    let portals = portals::all(&options.portals)?;
    let layout = Layout { options, portals: &portals, holds };
    let (headers, line) = find_header(&mut spool, &layout)?;
    spool.skip_to(line)?;
    let headers: Vec<Header> = headers.iter().map(|header| Header::new(header)).collect();
    spool.trusts_quotes = columns::is_own_export(&headers);
    let mapping = Mapping::settle(&mut spool, headers, line, holds, options, portals, tick)?;
    spool.skip_to(line)?;
    Ok((spool, mapping))
}
