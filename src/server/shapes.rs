//! The objects of the API as they are described: what each field is, in which unit.

mod sent;

use serde::Serialize;
use utoipa::ToSchema;

pub(super) use sent::{
    AccountPatch, Bulk, Cleared, Credentials, LinkAccepted, LinkSent, NewAccount, NewUser, OnConflict,
    Renewal, Selector, SimEdits, SimLevels, SimMoves, SimPatch, SimQuery, SimStates, StateAction, Undo,
    UserPatch,
};

/// An account, as whoever asks sees it.
#[derive(Serialize, ToSchema)]
pub(super) struct Account {
    /// Its identifier.
    #[schema(example = "acc_7", pattern = "^acc_[0-9]+$")]
    pub id: String,
    /// The account above; null for the top of what you see.
    pub parent_id: Option<String>,
    /// The name, unique among siblings ignoring case; accents distinguish.
    #[schema(max_length = 100, example = "Fleet North")]
    pub name: String,
    /// The names from your own account down; `/` and `\` in a name are written `\/` and `\\`.
    #[schema(example = "/Acme Ltd/Fleet North")]
    pub path: String,
    /// What another system calls it.
    pub reference: Option<String>,
    /// SIMs in the account itself.
    pub sims: u64,
    /// SIMs in the accounts below it.
    pub sims_below: u64,
    /// Users that belong to it.
    pub users: u64,
    /// Whether one of them is an Admin.
    pub has_admin: bool,
    /// Whether caps and alerts are switched on, here and everywhere above.
    pub caps_and_alerts: bool,
    /// The highest cap a SIM may have here, in bytes.
    pub cap_ceiling_bytes: Option<u64>,
    /// When billing periods begin: `month`, `day:23` or `activation:30`.
    #[schema(example = "month")]
    pub billing_period: String,
}

/// A SIM. With `fields` only those that were asked for are there.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what an export writes")]
pub(super) struct Sim {
    /// Its identifier.
    #[schema(required = false, example = "sim_4711")]
    id: String,
    /// ICCID (ITU-T E.118), as received: 18 to 20 digits, always text.
    #[schema(required = false, example = "8944500102198304826")]
    iccid: String,
    /// IMSI (ITU-T E.212).
    #[schema(required = false)]
    imsi: Option<String>,
    /// MSISDN (ITU-T E.164), digits only.
    #[schema(required = false)]
    msisdn: Option<String>,
    /// EID (GSMA SGP.02).
    #[schema(required = false)]
    eid: Option<String>,
    /// IMEI of the device it was last seen in.
    #[schema(required = false)]
    imei: Option<String>,
    /// What its users call it.
    #[schema(required = false)]
    label: Option<String>,
    /// The name of its account.
    #[schema(required = false)]
    account: Option<String>,
    /// The path of its account.
    #[schema(required = false)]
    account_path: String,
    /// Its account.
    #[schema(required = false, example = "acc_7")]
    account_id: String,
    /// What a list shows: `active`, `alerted`, `suspended`, `blocked`, `inactive`, `activation-pending`, `terminated`,
    /// `unmanaged`; more may come.
    #[schema(required = false, example = "active")]
    status: String,
    /// Where it stands with the network operator.
    #[schema(required = false)]
    lifecycle: String,
    /// Whether it is suspended.
    #[schema(required = false)]
    suspended: bool,
    /// `ok`, `alerted` or `blocked`, by its usage.
    #[schema(required = false)]
    usage_gate: String,
    /// Whether the network lets it authenticate.
    #[schema(required = false)]
    authentication: bool,
    /// The state it was asked to go to and has not reached.
    #[schema(required = false)]
    desired: Option<String>,
    /// Whether a data session is open.
    #[schema(required = false)]
    in_session: bool,
    /// The network it was last seen on.
    #[schema(required = false)]
    network: Option<String>,
    /// Its tariff.
    #[schema(required = false)]
    tariff: Option<String>,
    /// Usage of the running billing period, in bytes, wherever the SIM was meanwhile: its cap counts that.
    #[schema(required = false)]
    used_bytes: u64,
    /// Its cap, in bytes.
    #[schema(required = false)]
    cap_bytes: Option<u64>,
    /// Its alert, in bytes.
    #[schema(required = false)]
    alert_bytes: Option<u64>,
    /// Whether an open session is ended at the cap too.
    #[schema(required = false)]
    hard_cap: bool,
    /// The cap that comes back when the billing period ends.
    #[schema(required = false)]
    cap_returns_to_bytes: Option<u64>,
    /// The alert that comes back with it; 0 for none.
    #[schema(required = false)]
    alert_returns_to_bytes: Option<u64>,
    /// The end of the billing period at which both come back.
    #[schema(required = false, format = DateTime)]
    cap_returns_at: Option<String>,
    /// Whether it is managed here; one that is not is only shown.
    #[schema(required = false)]
    managed: bool,
    /// As of when the usage is.
    #[schema(required = false, format = DateTime)]
    usage_as_of: Option<String>,
    /// When it was last seen.
    #[schema(required = false, format = DateTime)]
    last_seen: Option<String>,
    /// When it was activated.
    #[schema(required = false, format = DateTime)]
    activated_at: Option<String>,
    /// Its tags.
    #[schema(required = false)]
    tags: Vec<String>,
    /// Its categories.
    #[schema(required = false)]
    categories: Vec<String>,
    /// Notes.
    #[schema(required = false)]
    notes: Option<String>,
    /// Who hears of its alerts, by mail address.
    #[schema(required = false)]
    recipients: Vec<String>,
    /// Usage in per cent of the cap; only where it is asked for.
    #[schema(required = false)]
    used_pct: Option<u64>,
}

/// A user of an account.
#[derive(Serialize, ToSchema)]
pub(super) struct User {
    /// The identifier.
    #[schema(example = "usr_3")]
    pub id: String,
    /// The account they belong to; they see it and everything below it.
    #[schema(example = "acc_7")]
    pub account_id: String,
    /// Full name.
    pub name: String,
    /// Mail address, unique within a top-level customer, whatever the case.
    #[schema(example = "ann@acme.example")]
    pub email: String,
    /// What they may do: `view-only`, `user` or `admin`.
    #[schema(example = "admin")]
    pub role: String,
    /// `invited`, `active` or `disabled`.
    #[schema(example = "active")]
    pub state: String,
    /// When they were last invited.
    #[schema(format = DateTime)]
    pub invited_at: Option<String>,
    /// When they last signed in, within the hour.
    #[schema(format = DateTime)]
    pub signed_in_at: Option<String>,
    /// In the answer to an invitation: `mailed`, with the link to accept it by; `not-mailed` where the server sends no
    /// mail and somebody has a link made for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "mailed")]
    pub invitation: Option<String>,
}

/// Who is asking.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    /// The identifier.
    #[schema(example = "usr_3")]
    pub id: String,
    /// Full name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// What they may do.
    #[schema(example = "admin")]
    pub role: String,
    /// Whether nothing can be changed by what they signed in with.
    pub read_only: bool,
    /// A billing period that has ended and is not closed yet, and why; null where there is none. Counters are those of
    /// the ended period until then.
    pub rollover_pending: Option<String>,
    /// The top of what they see.
    pub account: Option<Account>,
}

/// How many SIMs met each outcome.
#[derive(Serialize, ToSchema)]
pub(super) struct Counts {
    /// Changed.
    pub done: u64,
    /// Like that already.
    pub unchanged: u64,
    /// Refused by a rule.
    pub refused: u64,
    /// Changed by somebody else since.
    pub conflict: u64,
    /// Not known yet.
    pub pending: u64,
    /// Failed.
    pub failed: u64,
}

impl From<estate::Counts> for Counts {
    fn from(c: estate::Counts) -> Self {
        let estate::Counts { done, unchanged, refused, conflict, pending, failed } = c;
        Self { done, unchanged, refused, conflict, pending, failed }
    }
}

/// A change of the log.
#[derive(Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "what the API calls it everywhere")]
pub(super) struct Change {
    /// Its number, as whoever made it gave it.
    #[schema(example = "0192d4a5-7c3e-7000-8000-5f0e3a1c9b42")]
    pub change_id: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who, as name and address.
    pub by: String,
    /// From where.
    pub via: Option<String>,
    /// `move`, `levels`, `edit`, `add-account`, …
    #[schema(example = "move")]
    pub kind: String,
    /// A sentence.
    pub summary: String,
    /// What became of the SIMs.
    pub counts: Counts,
    /// Whether a later change has undone it.
    pub undone: bool,
    /// Whether it can be undone.
    pub undoable: bool,
}

/// A SIM of a change.
#[derive(Serialize, ToSchema)]
pub(super) struct Item {
    /// The SIM.
    #[schema(example = "sim_4711")]
    pub sim_id: String,
    /// Its ICCID.
    pub iccid: String,
    /// `done`, `unchanged`, `refused`, `conflict`, `pending` or `failed`.
    #[schema(example = "done")]
    pub outcome: String,
    /// Why; null where no reason is needed.
    #[schema(example = "terminated")]
    pub reason: Option<String>,
    /// The account it was in.
    pub from: Option<String>,
    /// The account it was to go to.
    pub to: Option<String>,
    /// What it was like before, in words.
    pub before: Option<String>,
    /// What it was like afterwards.
    pub after: Option<String>,
}

/// A level that usage reached.
#[derive(Serialize, ToSchema)]
pub(super) struct Alert {
    /// Its identifier: the same whenever it is listed.
    #[schema(example = "alt_5f0e3a1c9b42d4a5")]
    pub id: String,
    /// The SIM.
    #[schema(example = "sim_4711")]
    pub sim_id: String,
    /// Its ICCID.
    pub iccid: String,
    /// The account it was in.
    #[schema(example = "acc_7")]
    pub account_id: String,
    /// The path of that account.
    pub account_path: String,
    /// When the billing period began in which it was reached: each level speaks once in one.
    #[schema(format = DateTime)]
    pub period_from: String,
    /// `alert` or `cap`.
    #[schema(example = "alert")]
    pub kind: String,
    /// The level, in bytes.
    pub level_bytes: u64,
    /// The usage that reached it.
    pub used_bytes: u64,
    /// When it was noticed.
    #[schema(format = DateTime)]
    pub at: String,
}

/// Usage of a day, a billing period or a session.
#[derive(Serialize, ToSchema)]
pub(super) struct Spent {
    /// From when.
    #[schema(format = DateTime)]
    pub from: String,
    /// Until just before when.
    #[schema(format = DateTime)]
    pub until: String,
    /// How much.
    pub bytes: u64,
}

/// Usage of an account and of those below it over time: what came while a SIM was there. All usage is indicative: the
/// bill may differ.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountUsage {
    /// Days with usage, newest first.
    pub days: Vec<Spent>,
    /// Calendar months with usage, newest first.
    pub months: Vec<Spent>,
    /// The account itself, and each one directly below it with what lies below that; most usage first.
    pub accounts: Vec<AccountShare>,
}

/// What an account has used.
#[derive(Serialize, ToSchema)]
pub(super) struct AccountShare {
    /// The account; null for those that are gone.
    #[schema(example = "acc_7")]
    pub account_id: Option<String>,
    /// In the last thirty days that anything is known of.
    pub last_30_days_bytes: u64,
    /// As long as it is kept.
    pub bytes: u64,
}

/// A SIM's usage over time. All usage is indicative: the bill may differ.
#[derive(Serialize, ToSchema)]
pub(super) struct Usage {
    /// When the running billing period began.
    #[schema(format = DateTime)]
    pub period_from: String,
    /// When it ends.
    #[schema(format = DateTime)]
    pub period_until: String,
    /// How its usage is reported: `stated`, `totals`, `at-end` or `interim`.
    pub reporting: String,
    /// Days with usage, newest first.
    pub days: Vec<Spent>,
    /// Billing periods that are over, newest first.
    pub periods: Vec<Spent>,
}

/// What an operation would do.
#[derive(Serialize, ToSchema)]
pub(super) struct Plan {
    /// SIMs it is about.
    pub total: u64,
    /// What would become of them.
    pub counts: Counts,
    /// Why some would be refused.
    pub reasons: Vec<Reason>,
    /// What is worth knowing, in sentences.
    pub warnings: Vec<String>,
    /// The first few SIMs, by ICCID.
    pub sample: Vec<String>,
}

/// Why SIMs are refused.
#[derive(Serialize, ToSchema)]
pub(super) struct Reason {
    /// A stable word.
    #[schema(example = "terminated")]
    pub code: String,
    /// How many.
    pub sims: u64,
}

/// A change of many SIMs that takes its time.
#[derive(Serialize, ToSchema)]
pub(super) struct Operation {
    /// Its identifier: `op_` and the number of the change it makes.
    #[schema(example = "op_0192d4a5-7c3e-7000-8000-5f0e3a1c9b42")]
    pub id: String,
    /// The change it makes.
    pub change_id: String,
    /// `queued`, `running`, `succeeded`, `partially_failed`, `failed` or `cancelled`.
    #[schema(example = "succeeded")]
    pub status: String,
    /// When it was asked for.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// SIMs worked through so far, while it runs.
    pub done: Option<u64>,
    /// Of how many, while it runs and as far as that is known.
    pub total: Option<u64>,
    /// What became of the SIMs, when it has ended.
    pub counts: Option<Counts>,
    /// Why it failed: a problem.
    #[schema(value_type = Option<Object>)]
    pub problem: Option<serde_json::Value>,
    /// Where its SIMs are listed.
    pub results_url: String,
    /// Where it is taken back, where it can be: post `change_id` there.
    pub undo_url: Option<String>,
}

/// A failure (RFC 9457).
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what a problem writes")]
pub(super) struct Problem {
    /// What kind of failure: the same for each of its kind, for ever.
    #[schema(example = "/problems/not-found")]
    r#type: String,
    /// The kind in words.
    title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong and what to do about it.
    detail: String,
    /// What was asked for.
    instance: String,
    /// The end of the type.
    #[schema(example = "not-found")]
    code: String,
    /// Names the request in the server's log.
    request_id: String,
    /// What of the request is at fault: a `parameter`, a `header`, or a place in the body (`pointer`, RFC 6901).
    #[schema(required = false, value_type = Vec<Object>)]
    errors: Vec<()>,
}

/// A session.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what signing in writes")]
pub(super) struct Session {
    /// What requests come with: `Authorization: Bearer …`.
    token: String,
    /// Until when it is good.
    #[schema(format = DateTime)]
    expires_at: String,
    /// What renews it, once.
    renew: String,
    /// Until when it can be renewed.
    #[schema(format = DateTime)]
    renew_until: String,
    /// Sign-ins by password that failed since the last one; only after signing in by password, else absent or null.
    #[schema(required = false)]
    failed_sign_ins: Option<FailedSignIns>,
}

/// Sign-ins that failed for this user.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what signing in writes")]
pub(super) struct FailedSignIns {
    /// How many.
    count: u64,
    /// When the first of them was.
    #[schema(format = DateTime)]
    since: String,
    /// Addresses of clients, the last three; only of attempts at this user alone, not at every user of their address.
    from: Vec<String>,
}

/// A session of a user who signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct UserSession {
    /// The identifier.
    #[schema(example = "ses_12")]
    pub id: String,
    /// The user.
    #[schema(example = "usr_3")]
    pub user_id: String,
    /// The network address of the client at the last sign-in or renewal; empty if it is not known.
    #[schema(example = "192.0.2.7")]
    pub client_address: String,
    /// The program of the client, as it names itself.
    #[schema(example = "simdeck/0.1.0")]
    pub client_program: String,
    /// Time of the sign-in.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Time of the last use, within the hour.
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
    /// End of its validity, unless it is renewed before.
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The number of sessions that were ended.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what ending sessions answers")]
pub(super) struct SessionsEnded {
    /// How many.
    ended: u64,
}

/// Whom a link lets in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what a link says")]
pub(super) struct Invited {
    /// Their name.
    name: String,
    /// Their mail address.
    email: String,
    /// Whether it is an invitation.
    invitation: bool,
    /// `invitation`; `password`: another password is chosen; `address`: the address is confirmed by the password there
    /// is.
    #[schema(example = "invitation")]
    purpose: String,
}

/// Whether the server is well.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes what a probe says")]
pub(super) struct Health {
    /// `ok` or `ready`.
    status: String,
}
