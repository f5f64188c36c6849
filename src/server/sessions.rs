//! Who asks: tokens and the sessions they opened, kept for as long as they are good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::http::{HeaderMap, header};
use estate::{Local, Roles, Secret, UserId};
use sha2::{Digest, Sha256};

use super::Serve;
use super::problem::Problem;

/// How many sessions are kept: each has the accounts it sees.
const KEPT: usize = 512;

/// The sessions of one store.
pub(crate) struct Sessions {
    roles: Roles,
    read_only: bool,
    /// Whether somebody sends mail.
    mail: bool,
    /// Where links lead.
    links: Option<String>,
    /// Whoever owns the file: asked for nothing but whether the store can be read.
    pub(super) owner: Arc<Local>,
    /// By the hash of the token: a core dump holds none.
    open: Mutex<HashMap<[u8; 32], Kept>>,
    /// Who looks through whose eyes.
    seen: Mutex<HashMap<Seen, Arc<Local>>>,
}

/// A session, and when it was last asked for.
type Kept = (Arc<Local>, Instant);

/// Whose session, and through whose eyes.
type Seen = ([u8; 32], UserId);

fn key(secret: &Secret) -> [u8; 32] {
    Sha256::digest(secret.reveal().as_bytes()).into()
}

/// The token a request came with.
pub(super) fn secret(headers: &HeaderMap) -> Result<Secret, Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given
        .and_then(|value| value.split_once(' '))
        .filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
    token.and_then(|(_, token)| Secret::read(token.trim())).ok_or_else(Problem::not_signed_in)
}

impl Sessions {
    pub(super) fn new(serve: &Serve) -> Self {
        let Serve { roles, read_only, mail, links, owner, .. } = serve;
        let (roles, owner) = (roles.clone(), Arc::clone(owner));
        Self {
            roles,
            read_only: *read_only,
            mail: *mail,
            links: links.clone(),
            owner,
            open: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    fn lock_sessions(&self) -> MutexGuard<'_, HashMap<[u8; 32], Kept>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of whoever has that token. One that was opened earlier finds out by itself, at
    /// each read, whether the token is still good.
    pub(super) fn open(&self, secret: &Secret) -> estate::Result<Arc<Local>> {
        let key = key(secret);
        let known = self.lock_sessions().get_mut(&key).map(|(local, asked)| {
            *asked = Instant::now();
            Arc::clone(local)
        });
        if let Some(local) = known {
            if local.still().is_ok() {
                return Ok(local);
            }
            self.lock_sessions().remove(&key);
        }
        let local = self.owner.beside(secret, self.read_only)?;
        let local =
            local.with_roles(self.roles.clone()).with_mail(self.mail).with_links(self.links.clone());
        let local = local.via("network");
        let local = Arc::new(local);
        let mut kept = self.lock_sessions();
        if kept.len() >= KEPT {
            // Whoever has been quiet longest signs in anew; requests that run keep theirs.
            let quiet = kept.iter().min_by_key(|(_, (_, asked))| *asked).map(|(key, _)| *key);
            quiet.and_then(|key| kept.remove(&key));
        }
        kept.insert(key, (Arc::clone(&local), Instant::now()));
        Ok(local)
    }

    /// The estate as somebody else sees it, for whoever has that session: logged when it begins,
    /// not at each request.
    pub(super) fn seen_by(
        &self,
        secret: &Secret,
        own: &Local,
        user: UserId,
    ) -> estate::Result<Arc<Local>> {
        let key = (key(secret), user);
        let kept = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept().get(&key).cloned();
        // Whoever is seen may have become something else.
        if let Some(known) = known.filter(|known| known.still().is_ok()) {
            return Ok(known);
        }
        let estate = Arc::new(own.seen_by(user)?);
        let mut seen = kept();
        if seen.len() >= KEPT {
            seen.clear();
        }
        seen.insert(key, Arc::clone(&estate));
        Ok(estate)
    }
}
