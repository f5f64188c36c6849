//! What a change would do, counted and put into words.

use serde::{Deserialize, Serialize};

use super::outcome::{Counts, Reason};
use crate::account::Ceiling;
use crate::ids::{AccountId, Rev};
use crate::number::count;
use crate::sim::{Sim, Status};

/// Something worth knowing before a move is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Warning {
    /// Their notes become readable to the target's users.
    Notes,
    /// They notify people who do not belong to the target or above it.
    ForeignRecipients,
    /// They carry tags that nothing at the target has.
    NewTags,
    /// They are in a data session; it stays open.
    InSession,
    /// They wait for the network operator.
    ActivationPending,
    /// The target has no Admin yet.
    NoAdmin,
    /// Accounts below it go along.
    AccountsBelow,
    /// Users who see it now will not see it any more, and others will.
    Visibility,
    /// Their usage is at the new cap already: they are blocked at once.
    BlocksNow,
    /// Their usage is below the new cap: they are unblocked at once.
    Unblocks,
    /// Their usage is at the new alert already.
    AlertsNow,
    /// Their alert was set by hand, and goes.
    OwnAlerts,
    /// Their alert is above their cap, and is never reached.
    AlertOverCap,
    /// They have no cap, so that a hard one has no effect.
    HardWithoutCap,
    /// Their cap is above a ceiling, or they have none: they get the ceiling as their cap.
    Held,
    /// Caps and alerts are switched on where it goes.
    LevelsOn,
    /// They are switched off where it goes: nobody changes them there.
    LevelsOff,
    /// Billing periods begin otherwise where it goes.
    OtherPeriod,
    /// Its users see other help where it goes.
    OtherHelp,
    /// It cannot be undone.
    Irreversible,
    /// They lose the network.
    CutOff,
    /// What was noted before goes.
    NotesReplaced,
}

impl Warning {
    /// The sentence about `n` of them.
    pub fn text(self, n: u64) -> String {
        let sims = if n == 1 { "1 SIM has".to_owned() } else { format!("{} SIMs have", count(n)) };
        let are = if n == 1 { "1 SIM is".to_owned() } else { format!("{} SIMs are", count(n)) };
        match self {
            Self::Notes => format!("{sims} notes that become readable there"),
            Self::ForeignRecipients => format!("{sims} notification recipients who do not belong there"),
            Self::NewTags => format!("{sims} tags that nothing there carries yet"),
            Self::InSession => format!("{sims} an open data session, which stays open"),
            Self::ActivationPending => format!("{sims} an activation pending"),
            Self::BlocksNow => format!("{are} blocked at once: the usage is at the new cap already"),
            Self::Unblocks => format!("{are} unblocked at once"),
            Self::AlertsNow => format!("{are} at the new alert already"),
            Self::OwnAlerts => {
                format!("{sims} an alert that is not 80 % of the cap, and it goes")
            }
            Self::AlertOverCap => {
                format!("{sims} an alert above the cap, which will not be reached before it")
            }
            Self::HardWithoutCap => format!("{sims} no cap, so that a hard one has no effect"),
            Self::Held => format!("{sims} a cap above the ceiling, or none: the ceiling becomes the cap"),
            Self::LevelsOn => "caps and alerts can be set there, and could not be before".to_owned(),
            Self::LevelsOff => "caps and alerts are switched off there: they stay as they are".to_owned(),
            Self::OtherPeriod => {
                "billing periods begin otherwise there: counters turn by that rule".to_owned()
            }
            Self::OtherHelp => "its users see other help there".to_owned(),
            Self::Irreversible => {
                format!("{are} disconnected for good: this cannot be undone")
            }
            Self::CutOff => format!("{are} cut off: the network does not let them in any more"),
            Self::NotesReplaced => format!("{sims} notes already, which are replaced"),
            Self::NoAdmin => "the account has no Admin yet".to_owned(),
            Self::AccountsBelow => format!("{} accounts below it go along", count(n)),
            Self::Visibility if n == 0 => "who sees it changes".to_owned(),
            Self::Visibility => format!("who sees its {} SIMs changes", count(n)),
        }
    }
}

/// An account that a name is turned into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// How many SIMs go there.
    pub sims: u64,
    /// The account of that name, where there is one already.
    pub account: Option<AccountId>,
}

/// What a change would do, before anyone confirms it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The revision it was made at.
    pub at: Rev,
    /// SIMs it is about.
    pub total: u64,
    /// What would happen to them.
    pub counts: Counts,
    /// Why some would be refused.
    pub reasons: Vec<(Reason, u64)>,
    /// The accounts they are in now, most first.
    pub by_account: Vec<(AccountId, u64)>,
    /// Their status, most first.
    pub by_status: Vec<(Status, u64)>,
    /// What is worth knowing, with how many SIMs it concerns.
    pub warnings: Vec<(Warning, u64)>,
    /// The ceilings that caps are held to by it, or that it is refused for.
    pub ceilings: Vec<Ceiling>,
    /// The accounts that names are turned into, most SIMs first.
    pub groups: Vec<Group>,
    /// The first few SIMs.
    pub sample: Vec<Sim>,
}

impl Plan {
    /// Above this many SIMs a person types their number to confirm.
    pub const TYPED_ABOVE: u64 = 25;

    /// Whether the number of SIMs has to be typed: they are many, or there is no way back.
    pub fn is_typed(&self) -> bool {
        self.total > Self::TYPED_ABOVE || self.warnings.iter().any(|(w, _)| *w == Warning::Irreversible)
    }
}
