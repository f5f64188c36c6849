//! The whole role table as data, and the one function that asks it.
//!
//! The rows are those of the portal simdeck models; two of them (†) change state yet sit in a low
//! role.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::role::Role::{self, ViewOnly};
use crate::role::{Capability, TABLE};

/// The role table as a deployment has it: rows can ask for a stronger role, never for a weaker one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Roles {
    tightened: BTreeMap<Capability, Role>,
}

impl Roles {
    /// The table with some rows asking for more: pairs of a capability's word and a role's.
    pub fn with_stricter<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut roles = Self::default();
        for (word, role) in rows {
            let known = || TABLE.iter().map(|row| row.1);
            let Some((capability, _, least, _)) = TABLE.iter().find(|row| row.1 == word) else {
                return Err(Error::not_found_near("capability", word, known()));
            };
            let Some(role) = Role::from_word(role) else {
                return Err(Error::invalid("roles", format!("{word} must be view-only, user or admin")));
            };
            if role < *least {
                let why = format!(
                    "{word} needs {} at least: rows can be tightened, not loosened",
                    least.word()
                );
                return Err(Error::invalid("roles", why));
            }
            if *capability == Capability::View && role > ViewOnly {
                return Err(Error::invalid("roles", "view is what every role is for"));
            }
            roles.tightened.insert(*capability, role);
        }
        Ok(roles)
    }

    /// The weakest role that has a capability here.
    pub fn role(&self, need: Capability) -> Role {
        self.tightened.get(&need).copied().unwrap_or_else(|| need.role())
    }

    /// Answers whether `role` has `need`.
    pub fn permit(&self, role: Role, need: Capability) -> Result<()> {
        if role >= self.role(need) { Ok(()) } else { Err(Error::Denied { role, need }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::Role::User;

    #[test]
    fn every_capability_has_exactly_one_row() {
        for (capability, word, role, words) in TABLE {
            assert_eq!(capability.row(), &(capability, word, role, words));
            assert_eq!(TABLE.iter().filter(|row| row.0 == capability || row.1 == word).count(), 1);
        }
    }

    #[test]
    fn roles_are_cumulative() {
        let roles = Roles::default();
        for (capability, ..) in TABLE {
            let may: Vec<bool> = Role::ALL.iter().map(|r| roles.permit(*r, capability).is_ok()).collect();
            assert!(may.is_sorted() && may[2], "{capability:?}");
        }
        assert!(roles.permit(User, Capability::MoveSims).is_err());
    }

    #[test]
    fn a_deployment_tightens_rows_and_never_loosens_one() {
        let roles =
            Roles::with_stricter([("authenticate", "admin"), ("notes", "user")]).expect("tighter");
        assert!(roles.permit(User, Capability::Authenticate).is_err());
        assert!(
            roles.permit(User, Capability::EditNotes).is_ok()
                && roles.permit(ViewOnly, Capability::Ping).is_ok()
        );
        for (word, role) in [("move", "user"), ("mover", "admin"), ("ping", "nobody"), ("view", "admin")]
        {
            assert!(Roles::with_stricter([(word, role)]).is_err(), "{word}");
        }
    }
}
