//! A SIM with its four status axes, and the label derived from them.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, SimId};
use crate::units::Time;

/// Where a subscription stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// Pre-provisioned; can be activated.
    Inactive,
    /// Waiting for the network operator.
    ActivationPending,
    /// In normal use.
    Active,
    /// Disconnected for good.
    Terminated,
}

impl Lifecycle {
    const ALL: [Self; 4] = [Self::Inactive, Self::ActivationPending, Self::Active, Self::Terminated];

    pub(crate) fn from_code(code: i64) -> Self {
        Self::ALL[code.clamp(0, 3) as usize]
    }

    /// The word used in commands and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::ActivationPending => "activation-pending",
            Self::Active => "active",
            Self::Terminated => "terminated",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.word() == word)
    }
}

/// Where usage stands against alert and cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// Below both levels.
    Ok,
    /// At or above the alert.
    Alerted,
    /// At or above the cap: no new data session.
    Blocked,
}

impl Gate {
    pub(crate) fn from_code(code: i64) -> Self {
        [Self::Ok, Self::Alerted, Self::Blocked][code.clamp(0, 2) as usize]
    }

    /// Returns the word used in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Alerted => "alerted",
            Self::Blocked => "blocked",
        }
    }

    /// Parses the word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ok, Self::Alerted, Self::Blocked].into_iter().find(|gate| gate.word() == word)
    }

    /// Compares usage with the levels: `usage ≥ level`, where no level never fires.
    pub fn of(used: u64, cap: Option<u64>, alert: Option<u64>) -> Self {
        match (cap, alert) {
            (Some(cap), _) if used >= cap => Self::Blocked,
            (_, Some(alert)) if used >= alert => Self::Alerted,
            _ => Self::Ok,
        }
    }
}

/// The one label people see, derived from the four axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// In normal use.
    Active,
    /// The alert level was reached; service goes on.
    Alerted,
    /// The cap was reached; no new data session.
    Blocked,
    /// Stopped by someone.
    Suspended,
    /// Can be activated.
    Inactive,
    /// Waiting for the network operator.
    ActivationPending,
    /// Gone for good.
    Terminated,
    /// Displayed only.
    Unmanaged,
}

impl Status {
    /// Every status, in the order a table sorts them.
    pub const ALL: [Self; 8] = [
        Self::Active,
        Self::Alerted,
        Self::Blocked,
        Self::Suspended,
        Self::Inactive,
        Self::ActivationPending,
        Self::Terminated,
        Self::Unmanaged,
    ];

    pub(crate) fn from_code(code: i64) -> Self {
        Self::ALL[code.clamp(0, 7) as usize]
    }

    /// The word used in commands, filters and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Alerted => "alerted",
            Self::Blocked => "blocked",
            Self::Suspended => "suspended",
            Self::Inactive => "inactive",
            Self::ActivationPending => "activation-pending",
            Self::Terminated => "terminated",
            Self::Unmanaged => "unmanaged",
        }
    }

    /// Reads the word back; case does not matter.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word().eq_ignore_ascii_case(word))
    }

    /// Derives the label: Unmanaged > Terminated > Activation Pending > Inactive > Blocked >
    /// Suspended > Alerted > Active.
    pub fn of(lifecycle: Lifecycle, suspended: bool, gate: Gate, managed: bool) -> Self {
        match (managed, lifecycle, gate) {
            (false, ..) => Self::Unmanaged,
            (_, Lifecycle::Terminated, _) => Self::Terminated,
            (_, Lifecycle::ActivationPending, _) => Self::ActivationPending,
            (_, Lifecycle::Inactive, _) => Self::Inactive,
            (.., Gate::Blocked) => Self::Blocked,
            _ if suspended => Self::Suspended,
            (.., Gate::Alerted) => Self::Alerted,
            (.., Gate::Ok) => Self::Active,
        }
    }
}

/// A SIM as a table or a details pane shows it. Empty text means the value is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the field's standard terms")]
pub struct Sim {
    pub id: SimId,
    pub iccid: String,
    pub imsi: String,
    pub msisdn: String,
    pub eid: String,
    pub imei: String,
    pub label: String,
    pub account: AccountId,
    pub lifecycle: Lifecycle,
    pub suspended: bool,
    pub managed: bool,
    pub gate: Gate,
    pub status: Status,
    pub in_session: bool,
    pub network: String,
    pub tariff: String,
    pub used: u64,
    pub cap: Option<u64>,
    pub alert: Option<u64>,
    pub hard_cap: bool,
    pub usage_as_of: Option<Time>,
    pub last_seen: Option<Time>,
    pub activated: Option<Time>,
    pub tags: Vec<String>,
    pub categories: Vec<String>,
    pub notes: String,
    pub recipients: Vec<String>,
    /// The cap that comes back when the billing period ends, 0 for none; `None` where it is not
    /// raised.
    pub cap_returns_to: Option<u64>,
    /// The alert that comes back with that cap, 0 for none; `None` if the cap is not raised.
    pub alert_returns_to: Option<u64>,
    /// The end of the billing period at which both come back; `None` if the cap is not raised.
    pub cap_returns_at: Option<Time>,
    /// Whether the network lets it authenticate.
    pub authentication: bool,
    /// What was asked for here, and the network has not reported yet.
    pub desired: Option<Verb>,
    /// The change that put it into its state; 0 where an import stated it.
    pub state_rev: i64,
    /// The revision that last changed it; usage arriving does not.
    pub version: i64,
}

impl Sim {
    /// Usage in per cent of the cap, rounded down.
    pub fn percent(&self) -> Option<u64> {
        self.share_of_cap(100)
    }

    /// Usage in hundredths of a per cent of the cap, rounded down.
    pub fn hundredths_of_percent(&self) -> Option<u64> {
        self.share_of_cap(10_000)
    }

    fn share_of_cap(&self, whole: u128) -> Option<u64> {
        self.cap.map(|cap| (u128::from(self.used) * whole / u128::from(cap.max(1))) as u64)
    }
}

/// What is done to the state of a SIM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Asks the network to bring it into use.
    Activate,
    /// Stops it until it is resumed.
    Suspend,
    /// Ends a suspension.
    Resume,
    /// Ends the subscription for good.
    Terminate,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Activate, Self::Suspend, Self::Resume, Self::Terminate];

    /// The word used in commands and in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Terminate => "terminate",
        }
    }

    /// The word on a button.
    pub fn title(self) -> &'static str {
        match self {
            Self::Activate => "Activate",
            Self::Suspend => "Suspend",
            Self::Resume => "Resume",
            Self::Terminate => "Terminate",
        }
    }

    /// What was done, in a sentence.
    pub fn past(self) -> &'static str {
        match self {
            Self::Activate => "asked to activate",
            Self::Suspend => "suspended",
            Self::Resume => "resumed",
            Self::Terminate => "terminated",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_follows_the_order_of_derivation() {
        use Lifecycle::{Active, Inactive, Terminated};
        assert_eq!(Status::of(Terminated, true, Gate::Blocked, false), Status::Unmanaged);
        assert_eq!(Status::of(Terminated, true, Gate::Blocked, true), Status::Terminated);
        assert_eq!(Status::of(Inactive, true, Gate::Blocked, true), Status::Inactive);
        assert_eq!(Status::of(Active, true, Gate::Blocked, true), Status::Blocked);
        assert_eq!(Status::of(Active, true, Gate::Alerted, true), Status::Suspended);
        assert_eq!(Status::of(Active, false, Gate::Alerted, true), Status::Alerted);
    }

    #[test]
    fn levels_fire_when_reached() {
        assert_eq!(Gate::of(99, Some(100), Some(80)), Gate::Alerted);
        assert_eq!(Gate::of(100, Some(100), Some(80)), Gate::Blocked);
        assert_eq!(Gate::of(u64::MAX, None, None), Gate::Ok);
    }

    #[test]
    fn words_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::from_word(status.word()), Some(status));
            assert_eq!(
                Status::from_code(Status::ALL.iter().position(|s| *s == status).expect("place") as i64),
                status
            );
        }
    }
}
