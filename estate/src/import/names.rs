//! Fields of SIMs and of usage records, with the names that headers give them.

/// Field of a SIM or of a usage record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Field {
    Iccid,
    Imsi,
    Msisdn,
    Eid,
    Imei,
    Label,
    Account,
    Status,
    Lifecycle,
    Suspended,
    UsageGate,
    Authentication,
    Desired,
    Session,
    Network,
    Tariff,
    Used,
    Cap,
    Alert,
    HardCap,
    CapReturns,
    AlertReturns,
    CapReturnsAt,
    Managed,
    AsOf,
    Seen,
    Activated,
    Tags,
    Categories,
    Notes,
    Recipients,
    /// Time of a usage record.
    At,
    /// Days or month of a usage record.
    Span,
    /// Identifies a usage record.
    Record,
    /// Data session of a usage record.
    DataSession,
    /// Derived here, so not read.
    Derived,
}

/// Kind of value that a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Identifier,
    Text,
    Status,
    Size,
    Time,
    Flag,
}

impl Field {
    /// Returns the kind of its values.
    pub fn shape(self) -> Shape {
        match self {
            Self::Iccid | Self::Imsi | Self::Msisdn | Self::Eid | Self::Imei => Shape::Identifier,
            Self::Status => Shape::Status,
            Self::Used | Self::Cap | Self::Alert | Self::CapReturns | Self::AlertReturns => Shape::Size,
            Self::AsOf | Self::Seen | Self::Activated | Self::CapReturnsAt | Self::At | Self::Span => {
                Shape::Time
            }
            Self::Session | Self::HardCap | Self::Suspended | Self::Authentication | Self::Managed => {
                Shape::Flag
            }
            _ => Shape::Text,
        }
    }

    /// True if two columns may hold it together: sizes are added, lists joined.
    pub(super) fn is_sum(self) -> bool {
        matches!(self, Self::Used | Self::Tags | Self::Categories | Self::Recipients)
    }

    /// True if a wrong column would do harm, so that a choice between two is never made by their
    /// order.
    pub(super) fn is_critical(self) -> bool {
        !matches!(self.shape(), Shape::Text | Shape::Flag) || matches!(self, Self::Account | Self::Record)
    }
}

/// Names of a field, compared without case, accents, blanks and punctuation.
pub(crate) struct Names {
    pub field: Field,
    /// Name for `--map` and in portal files.
    pub name: &'static str,
    pub(super) exact: &'static [&'static str],
    pub(super) usual: &'static [&'static str],
    pub(super) weak: &'static [&'static str],
}

const fn names(
    field: Field,
    name: &'static str,
    exact: &'static [&'static str],
    usual: &'static [&'static str],
    weak: &'static [&'static str],
) -> Names {
    Names { field, name, exact, usual, weak }
}

const ICCID: Names = names(
    Field::Iccid,
    "iccid",
    &["iccid"],
    &["simiccid", "iccidnumber", "simnumber", "simserial", "simserialnumber", "iccid1", "primaryiccid"],
    &["sim", "simcard", "cardnumber", "simid", "ccid"],
);
const IMSI: Names =
    names(Field::Imsi, "imsi", &["imsi"], &["imsinumber", "primaryimsi", "imsi1", "currentimsi"], &[]);
const MSISDN: Names = names(
    Field::Msisdn,
    "msisdn",
    &["msisdn"],
    &["phonenumber", "mobilenumber", "primarymsisdn", "currentmsisdn", "msisdn1", "simmsisdn"],
    &["phone", "mobile", "telephone", "telephonenumber"],
);

/// Fields of a SIM.
pub(crate) const SIM_FIELDS: &[Names] = &[
    ICCID,
    IMSI,
    MSISDN,
    names(Field::Eid, "eid", &["eid"], &["euiccid", "eidnumber"], &[]),
    names(Field::Imei, "imei", &["imei"], &["deviceimei", "imeinumber", "currentimei"], &["imeisv"]),
    names(
        Field::Label,
        "label",
        &["label"],
        &["simlabel", "simname", "alias", "name"],
        &["devicename", "device", "description", "thingname", "endpointname", "friendlyname"],
    ),
    names(
        Field::Account,
        "account",
        &["account"],
        &[
            "accountname",
            "customer",
            "customername",
            "company",
            "organisation",
            "organization",
            "subaccount",
            "subcustomer",
        ],
        &[],
    ),
    names(
        Field::Status,
        "status",
        &["status"],
        &["simstatus", "simstate", "simcardstatus", "simcardstate", "lifecyclestatus", "lifecyclestate"],
        &["state", "lifecycle", "connectionstatus", "estado", "estadosim", "zustand", "statut", "stato"],
    ),
    names(Field::Suspended, "suspended", &["suspended"], &[], &[]),
    names(Field::UsageGate, "usagegate", &["usagegate"], &[], &[]),
    names(Field::Authentication, "authentication", &["authentication"], &["simauthentication"], &[]),
    names(Field::Desired, "desired", &["desired"], &[], &[]),
    names(Field::Session, "insession", &["insession"], &["online", "connected"], &["session"]),
    names(
        Field::Network,
        "network",
        &["network"],
        &["operator", "mno", "carrier", "networkoperator", "networkname"],
        &["provider"],
    ),
    names(
        Field::Tariff,
        "tariff",
        &["tariff"],
        &["tariffcode", "tariffname", "rateplan", "plan", "dataplan", "priceplan"],
        &[],
    ),
    names(
        Field::Used,
        "used",
        &["used", "usedbytes"],
        &[
            "dataused",
            "usage",
            "datausage",
            "monthlyusage",
            "monthlydatausage",
            "currentusage",
            "usagemtd",
        ],
        &["totalusage", "totaldatausage"],
    ),
    names(
        Field::Cap,
        "cap",
        &["cap", "capbytes"],
        &["datacap", "caplevel", "datalimit", "usagelimit", "monthlydatalimit", "monthlylimit"],
        &["limit"],
    ),
    names(
        Field::Alert,
        "alert",
        &["alert", "alertbytes"],
        &["dataalert", "alertlevel", "usagealert"],
        &[],
    ),
    names(Field::HardCap, "hardcap", &["hardcap"], &[], &["hard"]),
    names(Field::CapReturns, "capreturns", &["capreturnsto", "capreturnstobytes"], &[], &[]),
    names(Field::AlertReturns, "alertreturns", &["alertreturnsto", "alertreturnstobytes"], &[], &[]),
    names(Field::CapReturnsAt, "capreturnsat", &["capreturnsat"], &[], &[]),
    names(Field::Managed, "managed", &["managed"], &[], &[]),
    names(Field::AsOf, "usageasof", &["usageasof"], &["asof"], &["usagedate"]),
    names(
        Field::Seen,
        "lastseen",
        &["lastseen"],
        &["seen", "lastsession", "lastconnection", "lastactivity", "lastconnected", "lastconnectiontime"],
        &["lastsessionstart", "lastonline"],
    ),
    names(
        Field::Activated,
        "activated",
        &["activated", "activatedat"],
        &["activationdate", "dateactivated", "activatedon", "activationtime"],
        &["productiondate"],
    ),
    names(Field::Tags, "tags", &["tags"], &["tag", "labels"], &[]),
    names(Field::Categories, "categories", &["categories"], &["category"], &["group", "groupname"]),
    names(Field::Notes, "notes", &["notes"], &["note", "comment", "comments", "remarks"], &[]),
    names(
        Field::Recipients,
        "recipients",
        &["recipients"],
        &["emails", "notificationemails", "notifyemails", "alertemails"],
        &[],
    ),
    names(Field::Derived, "", &["accountid", "id", "version", "usedpct"], &[], &[]),
];

/// Fields of a usage record. Those of its SIM may come along and are not read.
pub(crate) const USAGE_FIELDS: &[Names] = &[
    ICCID,
    IMSI,
    MSISDN,
    names(
        Field::At,
        "time",
        &["time"],
        &["timestamp", "datetime", "usagetime", "recordtime", "eventtime", "measured", "at"],
        &["end", "stop", "endtime", "sessionend", "start", "starttime"],
    ),
    names(
        Field::Span,
        "period",
        &["period"],
        &["day", "date", "month", "usagedate", "usageday", "usagemonth", "billingperiod"],
        &[],
    ),
    names(
        Field::Used,
        "bytes",
        &["bytes", "used", "usedbytes"],
        &[
            "usage",
            "datausage",
            "dataused",
            "totalbytes",
            "totalusage",
            "volume",
            "datavolume",
            "totalvolume",
        ],
        &["data", "traffic", "total"],
    ),
    names(
        Field::Record,
        "record",
        &["record"],
        &["recordid", "cdrid", "eventid", "usageid", "cdr"],
        &["id"],
    ),
    names(
        Field::DataSession,
        "session",
        &["session"],
        &["sessionid", "datasession", "datasessionid"],
        &[],
    ),
    names(
        Field::Label,
        "label",
        &["label"],
        &["simlabel", "simname", "name"],
        &["thingname", "devicename"],
    ),
    names(Field::Account, "account", &["account"], &["accountname", "customer", "accountpath"], &[]),
    names(Field::Tags, "tags", &["tags"], &["tag", "tagname"], &[]),
    names(Field::Categories, "categories", &["categories"], &["category", "groupname"], &["group"]),
    names(Field::Notes, "notes", &["notes"], &["note", "comment"], &[]),
];

/// Returns the name of a field for `--map`.
pub(crate) fn name_of(field: Field, known: &[Names]) -> &'static str {
    known.iter().find(|names| names.field == field).map_or("", |names| names.name)
}
