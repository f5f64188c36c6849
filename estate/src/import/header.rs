//! Which column is what: our own names, the usual spellings of other portals, and `--map`.

use csv::StringRecord;

use super::{Note, Notes};
use crate::error::{Error, Result};
use crate::text;

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Field {
    Iccid,
    Imsi,
    Msisdn,
    Eid,
    Imei,
    Label,
    Account,
    Status,
    Session,
    Network,
    Tariff,
    Used,
    Cap,
    Alert,
    HardCap,
    AsOf,
    Seen,
    Activated,
    Tags,
    Categories,
    Notes,
    Recipients,
    /// When usage was measured.
    At,
    /// The days usage was measured over.
    Span,
    /// What tells a record of usage from others.
    Record,
    /// The data session it belongs to.
    DataSession,
    /// Known, and of no use here: what we work out ourselves.
    Ignored,
}

/// Each field with the headers it goes by: the first is the name for `--map`.
/// Compared without case, accents, blanks and punctuation.
pub(crate) const HEADERS: [(Field, &[&str]); 23] = [
    (
        Field::Iccid,
        &[
            "iccid",
            "simnumber",
            "sim",
            "simcard",
            "simserial",
            "simserialnumber",
            "cardnumber",
            "iccidnumber",
            "simid",
            "simiccid",
        ],
    ),
    (Field::Imsi, &["imsi", "imsinumber"]),
    (Field::Msisdn, &["msisdn", "phonenumber", "phone", "mobilenumber", "mobile", "telephone"]),
    (Field::Eid, &["eid", "euiccid"]),
    (Field::Imei, &["imei", "deviceimei", "imeinumber"]),
    (Field::Label, &["label", "description", "name", "alias", "simname", "devicename", "device", "simlabel"]),
    (
        Field::Account,
        &[
            "account",
            "customer",
            "accountname",
            "customername",
            "company",
            "organisation",
            "organization",
            "subaccount",
            "subcustomer",
        ],
    ),
    (
        Field::Status,
        &["status", "state", "simstatus", "simstate", "lifecycle", "lifecyclestatus", "connectionstatus"],
    ),
    (Field::Session, &["insession", "session", "online", "connected"]),
    (
        Field::Network,
        &["network", "operator", "mno", "carrier", "networkoperator", "networkname", "provider"],
    ),
    (Field::Tariff, &["tariff", "tariffcode", "tariffname", "rateplan", "plan", "dataplan", "priceplan"]),
    (
        Field::Used,
        &[
            "used",
            "usedbytes",
            "datausedbytes",
            "dataused",
            "usage",
            "datausage",
            "usagebytes",
            "totalusage",
            "monthlyusage",
        ],
    ),
    (Field::Cap, &["cap", "capbytes", "datacap", "caplevel", "datalimit", "limit", "usagelimit"]),
    (Field::Alert, &["alert", "alertbytes", "dataalert", "alertlevel", "usagealert"]),
    (Field::HardCap, &["hardcap", "hard"]),
    (Field::AsOf, &["usageasof", "asof", "usagedate"]),
    (Field::Seen, &["lastseen", "seen", "lastsession", "lastconnection", "lastactivity", "lastconnected"]),
    (Field::Activated, &["activated", "activatedat", "activationdate", "productiondate"]),
    (Field::Tags, &["tags", "tag", "labels"]),
    (Field::Categories, &["categories", "category", "group"]),
    (Field::Notes, &["notes", "note", "comment", "comments", "remarks"]),
    (Field::Recipients, &["recipients", "emails", "notificationemails", "notifyemails", "alertemails"]),
    (
        Field::Ignored,
        &["accountid", "accountpath", "id", "version", "usagegate", "suspended", "capreturnstobytes"],
    ),
];

/// Headers of usage records; those of SIMs that they may carry along are of no use.
pub(crate) const USAGE_HEADERS: [(Field, &[&str]); 7] = [
    HEADERS[0],
    (
        Field::At,
        &[
            "time",
            "timestamp",
            "at",
            "datetime",
            "usagetime",
            "recordtime",
            "eventtime",
            "measured",
            "end",
            "stop",
        ],
    ),
    (Field::Span, &["period", "day", "date", "month", "usagedate", "usageday", "billingperiod"]),
    (
        Field::Used,
        &[
            "bytes",
            "used",
            "usage",
            "volume",
            "usedbytes",
            "usagebytes",
            "totalbytes",
            "datausage",
            "dataused",
            "datavolume",
            "traffic",
            "total",
        ],
    ),
    (Field::Record, &["record", "recordid", "id", "cdrid", "cdr", "eventid", "usageid", "reference"]),
    (Field::DataSession, &["session", "sessionid", "datasession", "datasessionid"]),
    (Field::Ignored, &["account", "accountpath", "label", "imsi", "msisdn", "network", "tariff"]),
];

/// Fields with the headers they go by.
pub(crate) type Known = [(Field, &'static [&'static str])];

/// The columns of a file.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    pub(crate) headers: Vec<String>,
    pub(crate) fields: Vec<Option<Field>>,
    /// What a bare number means, per column: 1, or 10⁶ under "Usage (MB)".
    pub(crate) units: Vec<u64>,
}

impl Mapping {
    pub(crate) fn of(
        headers: &StringRecord,
        known: &Known,
        map: &[(String, String)],
        notes: &mut Notes<'_>,
    ) -> Result<Self> {
        let headers: Vec<String> = headers.iter().map(|h| text::clean(h).trim().to_owned()).collect();
        let mut fields: Vec<Option<Field>> = vec![None; headers.len()];
        for (header, field) in map {
            let at = headers.iter().position(|h| plain(h) == plain(header));
            let at = at.ok_or_else(|| {
                Error::invalid(
                    "map",
                    format!("there is no column {header}; the file has {}", headers.join(", ")),
                )
            })?;
            fields[at] = Some(by_name(known, field)?);
        }
        // A path says more than a name; our own exports have both.
        if let (Some(at), false) =
            (headers.iter().position(|h| plain(h) == "accountpath"), fields.contains(&Some(Field::Account)))
        {
            fields[at] = Some(Field::Account);
        }
        for (i, header) in headers.iter().enumerate() {
            let guess =
                recognise_in(known, header).filter(|f| *f == Field::Ignored || !fields.contains(&Some(*f)));
            fields[i] = fields[i].or(guess);
            if fields[i].is_none()
                && !header.is_empty()
                && recognise_in(known, header) != Some(Field::Account)
            {
                let reason = "this column is not used; --map header=field gives it a meaning".into();
                notes(Note { line: 1, column: header.clone(), value: String::new(), reason, refused: false });
            }
        }
        if !fields.contains(&Some(Field::Iccid)) {
            let found = headers.join(", ");
            return Err(Error::invalid(
                "file",
                format!("no column holds the ICCID (found: {found}); name it with --map header=iccid"),
            ));
        }
        let units = headers.iter().map(|h| unit(h)).collect();
        Ok(Self { headers, fields, units })
    }

    /// Whether the file has a column for `field`.
    pub fn has(&self, field: Field) -> bool {
        self.fields.contains(&Some(field))
    }
}

fn by_name(known: &Known, name: &str) -> Result<Field> {
    let known = || known.iter().filter(|(f, _)| *f != Field::Ignored);
    known().find(|(_, names)| names[0] == plain(name)).map(|(f, _)| *f).ok_or_else(|| {
        let names: Vec<&str> = known().map(|(_, names)| names[0]).collect();
        Error::invalid("map", format!("no field is called {name}; there are {}", names.join(" ")))
    })
}

/// The field of a SIM that a header names, however it is spelt.
pub(crate) fn recognise(header: &str) -> Option<Field> {
    recognise_in(&HEADERS, header)
}

fn recognise_in(known: &Known, header: &str) -> Option<Field> {
    let bare = plain(header.split('(').next().unwrap_or_default());
    known.iter().find(|(_, names)| names.contains(&bare.as_str())).map(|(f, _)| *f)
}

fn plain(header: &str) -> String {
    text::fold(header).chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The unit a header states in brackets.
fn unit(header: &str) -> u64 {
    let stated = header.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(unit, _)| unit);
    stated.and_then(|unit| crate::units::parse_bytes(&format!("1{unit}")).ok()).unwrap_or(1)
}

/// The delimiter that the first line has most of, outside quotes.
pub(crate) fn delimiter(head: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    for byte in head.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => counts.iter_mut().filter(|(d, _)| *d == byte).for_each(|(_, n)| *n += 1),
        }
    }
    let mut best = counts[0];
    for candidate in counts {
        if candidate.1 > best.1 {
            best = candidate;
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_spellings_are_recognised() {
        for (header, field) in [
            ("SIM Number", Field::Iccid),
            ("Phone Number", Field::Msisdn),
            ("Customer", Field::Account),
            ("Operator", Field::Network),
            ("SIM Status", Field::Status),
            ("Usage (MB)", Field::Used),
            ("Data Cap", Field::Cap),
            ("data_used_bytes", Field::Used),
            ("last_seen", Field::Seen),
            ("In session", Field::Session),
        ] {
            assert_eq!(recognise(header), Some(field), "{header}");
        }
        assert_eq!(recognise("Colour"), None);
        assert_eq!((unit("Usage (MB)"), unit("Usage (GiB)"), unit("Usage")), (1_000_000, 1 << 30, 1));
    }

    #[test]
    fn no_header_belongs_to_two_fields() {
        for known in [&HEADERS[..], &USAGE_HEADERS[..]] {
            let names: Vec<&str> = known.iter().flat_map(|(_, names)| names.iter().copied()).collect();
            for name in &names {
                assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
                assert_eq!(plain(name), *name, "compared without punctuation");
            }
        }
    }

    #[test]
    fn delimiters_are_counted_outside_quotes() {
        assert_eq!(delimiter("a;b;\"c,d,e,f\"\n1;2;3"), b';');
        assert_eq!(delimiter("iccid\n1"), b',');
        assert_eq!(delimiter("a\tb\n"), b'\t');
    }
}
