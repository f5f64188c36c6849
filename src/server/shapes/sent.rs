//! What is sent: the bodies of requests. They are written again too, to find arrays that were sent in place of objects.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a list of SIMs is asked for by: the parameters of the list.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub(in crate::server) struct SimQuery {
    /// The filter.
    #[schema(example = "status=active used_pct>=80")]
    filter: Option<String>,
    /// By which columns.
    #[schema(example = "used:desc,iccid")]
    sort: Option<String>,
    /// Only SIMs in this account and below it.
    #[schema(example = "acc_7")]
    account: Option<String>,
    /// Whether the accounts below count; they do unless this is false.
    below: Option<bool>,
    /// How many at most.
    #[schema(minimum = 1, maximum = 1_000, default = 100)]
    limit: Option<u64>,
    /// Where the last page ended: its `next_cursor`.
    cursor: Option<String>,
    /// `exact` says how many there are in all.
    count: Option<String>,
    /// Only these fields, by comma.
    fields: Option<String>,
}

impl SimQuery {
    /// The same as parameters of an address.
    pub(in crate::server) fn pairs(self) -> Vec<(String, String)> {
        let Self { filter, sort, account, below, limit, cursor, count, fields } = self;
        let below = below.map(|below| below.to_string());
        let limit = limit.map(|limit| limit.to_string());
        let all = [
            ("filter", filter),
            ("sort", sort),
            ("account", account),
            ("below", below),
            ("limit", limit),
            ("cursor", cursor),
            ("count", count),
            ("fields", fields),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// Which SIMs are meant: exactly one of these.
#[derive(Deserialize, Serialize, ToSchema, Default)]
#[serde(deny_unknown_fields, default)]
pub(in crate::server) struct Selector {
    /// These, by ICCID; one that is not there is an error.
    #[schema(max_items = 100_000, example = json!(["8944500102198304826"]))]
    pub iccids: Option<Vec<String>>,
    /// These, by identifier; one that is not there is an error.
    #[schema(max_items = 100_000, example = json!(["sim_4711"]))]
    pub ids: Option<Vec<String>>,
    /// All you see: to be said, so that nobody means them by mistake.
    pub all: Option<bool>,
    /// All that fit a filter; an empty one fits none.
    #[schema(example = "status=active tag:meter")]
    pub filter: Option<String>,
}

/// What becomes of SIMs that cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema, Default)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum OnConflict {
    /// They are left as they are, counted and listed.
    #[default]
    Skip,
    /// Nothing is changed if there is one, now or when its turn comes.
    Fail,
}

/// What every operation on SIMs has.
#[derive(Clone, Copy)]
pub(in crate::server) struct Bulk<'a> {
    pub selector: &'a Selector,
    pub dry_run: bool,
    pub expect_count: Option<u64>,
    pub on_conflict: OnConflict,
    pub if_account_id: Option<&'a str>,
}

fn yes() -> bool {
    true
}

/// A number that is said; null takes away, as in a merge patch.
fn none_is_zero<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(Some(Option::deserialize(from)?.unwrap_or_default()))
}

/// A text that is said; null takes away, as in a merge patch.
fn none_is_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Option::deserialize(from)?.unwrap_or_default()))
}

/// What is said, where null says nothing.
fn deserialize_present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The body of an operation on SIMs: what each has, and what is its own.
macro_rules! bulk {
    ($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Deserialize, Serialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub(in crate::server) struct $name {
            /// Which SIMs.
            pub selector: Selector,
            /// Only look what it would do. Nothing is changed unless this is false.
            #[serde(default = "yes")]
            #[schema(default = true)]
            pub dry_run: bool,
            /// Refuse unless exactly that many SIMs are meant.
            #[serde(default)]
            pub expect_count: Option<u64>,
            /// What becomes of SIMs that cannot be changed.
            #[serde(default)]
            #[schema(default = "skip")]
            pub on_conflict: OnConflict,
            /// Refuse unless all of them are in this account, not below it.
            #[serde(default)]
            #[schema(example = "acc_7")]
            pub if_account_id: Option<String>,
            $($(#[$field_about])* pub $field: $kind,)*
        }

        impl $name {
            pub(in crate::server) fn bulk(&self) -> Bulk<'_> {
                Bulk {
                    selector: &self.selector,
                    dry_run: self.dry_run,
                    expect_count: self.expect_count,
                    on_conflict: self.on_conflict,
                    if_account_id: self.if_account_id.as_deref(),
                }
            }
        }
    };
}

bulk! {
    /// SIMs into another account.
    SimMoves {
        /// The account they go to.
        #[schema(example = "acc_9")]
        target_account_id: String,
        /// What is taken off them on the way.
        #[serde(default)]
        #[schema(max_items = 3)]
        clear: Vec<Cleared>,
    }
}

bulk! {
    /// Caps and alerts of SIMs; what is not said stays as it is.
    SimLevels {
        /// The cap in bytes; null or 0 is none.
        #[serde(default, deserialize_with = "none_is_zero")]
        cap_bytes: Option<u64>,
        /// The alert in bytes; null or 0 is none. Without it the alert becomes 80 % of a cap that is set.
        #[serde(default, deserialize_with = "none_is_zero")]
        alert_bytes: Option<u64>,
        /// Whether an open session is ended at the cap too.
        #[serde(default, deserialize_with = "deserialize_present")]
        #[schema(value_type = bool)]
        hard_cap: Option<bool>,
        /// Whether the old cap comes back when the billing period ends.
        #[serde(default)]
        until_period_end: bool,
    }
}

bulk! {
    /// States of SIMs.
    SimStates {
        /// What is done to them.
        action: StateAction,
        /// Why, for those who look later.
        #[serde(default)]
        #[schema(max_length = 200)]
        reason: String,
    }
}

bulk! {
    /// Labels, notes, tags, categories and recipients of SIMs; what is not said stays as it is.
    SimEdits {
        /// The label; null or empty takes it away.
        #[serde(default, deserialize_with = "none_is_empty")]
        #[schema(max_length = 200)]
        label: Option<String>,
        /// The notes; null or empty takes them away.
        #[serde(default, deserialize_with = "none_is_empty")]
        notes: Option<String>,
        /// Tags that come.
        #[serde(default)]
        add_tags: Vec<String>,
        /// Tags that go.
        #[serde(default)]
        remove_tags: Vec<String>,
        /// Categories that come.
        #[serde(default)]
        add_categories: Vec<String>,
        /// Categories that go.
        #[serde(default)]
        remove_categories: Vec<String>,
        /// Mail addresses that hear of alerts from now on.
        #[serde(default)]
        add_recipients: Vec<String>,
        /// Mail addresses that no longer do.
        #[serde(default)]
        remove_recipients: Vec<String>,
        /// Whether the network lets them authenticate.
        #[serde(default, deserialize_with = "deserialize_present")]
        #[schema(value_type = bool)]
        authentication: Option<bool>,
    }
}

/// What a move takes off SIMs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum Cleared {
    /// Notes.
    Notes,
    /// Who hears of alerts.
    Recipients,
    /// Tags.
    Tags,
}

/// What is done to the state of a SIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::server) enum StateAction {
    /// Asks the network to bring it into use.
    Activate,
    /// Stops it until it is resumed.
    Suspend,
    /// Ends a suspension.
    Resume,
    /// Ends the subscription for good.
    Terminate,
}

/// The inverse of an earlier change.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Undo {
    /// The change.
    #[schema(example = "0192d4a5-7c3e-7000-8000-5f0e3a1c9b42")]
    pub change_id: String,
    /// Only look what it would do.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub dry_run: bool,
}

/// What changes about a SIM: what is not said stays as it is, null takes away. The first six are one change, the others
/// another.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes a merge patch")]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct SimPatch {
    /// The label.
    #[schema(required = false)]
    label: Option<String>,
    /// The notes.
    #[schema(required = false)]
    notes: Option<String>,
    /// All tags.
    #[schema(required = false)]
    tags: Option<Vec<String>>,
    /// All categories.
    #[schema(required = false)]
    categories: Option<Vec<String>>,
    /// All mail addresses that hear of its alerts.
    #[schema(required = false)]
    recipients: Option<Vec<String>>,
    /// Whether the network lets it authenticate.
    #[schema(required = false)]
    authentication: bool,
    /// The cap in bytes; null or 0 is none. The alert becomes 80 % of it, unless it is said too.
    #[schema(required = false)]
    cap_bytes: Option<u64>,
    /// The alert in bytes; null or 0 is none.
    #[schema(required = false)]
    alert_bytes: Option<u64>,
    /// Whether an open session is ended at the cap too.
    #[schema(required = false)]
    hard_cap: bool,
}

/// What changes about an account: one of these, for each is a change of its own.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes a merge patch")]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct AccountPatch {
    /// Its name.
    #[schema(required = false, max_length = 100)]
    name: String,
    /// What another system calls it.
    #[schema(required = false)]
    reference: Option<String>,
    /// The account it hangs below.
    #[schema(required = false, example = "acc_1")]
    parent_id: String,
    /// The highest cap a SIM may have here and below, in bytes; null or 0 is none.
    #[schema(required = false)]
    cap_ceiling_bytes: Option<u64>,
    /// Whether caps and alerts are switched on, here and below.
    #[schema(required = false)]
    caps_and_alerts: bool,
    /// When billing periods begin: `month`, `day:23`, `activation:30`; null is as above.
    #[schema(required = false, example = "day:23")]
    billing_period: Option<String>,
}

/// What changes about a user: one of the two.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes a merge patch")]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct UserPatch {
    /// What they may do.
    #[schema(required = false, value_type = RoleWord)]
    role: String,
    /// `active` lets them in, `disabled` keeps them out.
    #[schema(required = false, example = "disabled")]
    state: String,
}

/// What somebody signs in with.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Credentials {
    /// Mail address.
    #[schema(example = "ann@acme.example")]
    pub email: String,
    /// Password.
    pub password: String,
    /// What the authenticator shows, where a second factor is set up.
    #[serde(default)]
    #[schema(example = "123456")]
    pub code: Option<String>,
    /// The account of the user, by id or name: where the address is a user of several (`account-needed`).
    #[serde(default)]
    #[schema(example = "acc_7")]
    pub account: Option<String>,
}

/// What renews a session.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Renewal {
    /// As signing in gave it.
    pub renew: String,
}

/// A link.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct LinkSent {
    /// As it was handed over, or how it ends.
    pub link: String,
}

/// What somebody chooses who was let in by a link.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct LinkAccepted {
    /// As it was handed over, or how it ends.
    pub link: String,
    /// The password they sign in with from now on.
    #[schema(min_length = 12, max_length = 256)]
    pub password: String,
    /// What they are called, where they are invited and want to be called otherwise.
    #[serde(default)]
    pub name: Option<String>,
    /// What the authenticator shows, where a second factor stays.
    #[serde(default)]
    pub code: Option<String>,
}

/// A new account.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct NewAccount {
    /// The account above.
    #[schema(example = "acc_1")]
    pub parent_id: String,
    /// Its name.
    #[schema(max_length = 100, example = "Fleet South")]
    pub name: String,
}

/// A new user.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct NewUser {
    /// The account they belong to.
    #[schema(example = "acc_1")]
    pub account_id: String,
    /// Full name.
    #[schema(example = "Ann Other")]
    pub name: String,
    /// Mail address.
    #[schema(example = "ann@acme.example")]
    pub email: String,
    /// What they may do.
    pub role: RoleWord,
}

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::server) enum RoleWord {
    /// Looks, filters, exports.
    ViewOnly,
    /// Also edits notes and runs diagnostics.
    User,
    /// Manages accounts, users, caps and moves.
    Admin,
}

impl From<RoleWord> for estate::Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::ViewOnly => Self::ViewOnly,
            RoleWord::User => Self::User,
            RoleWord::Admin => Self::Admin,
        }
    }
}
