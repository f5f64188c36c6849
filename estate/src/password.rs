//! Passwords (Argon2id, RFC 9106) and codes of a second factor (TOTP, RFC 6238): what people sign
//! in with.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Argon2, Block, Params};
use totp_rs::{Builder, Secret, Totp};

use crate::error::{Error, Result};
use crate::limits::{PASSWORD_MAX, PASSWORD_MIN};
use crate::units::Time;

/// Who asks for the code, as an authenticator shows it.
const ISSUER: &str = "simdeck";

/// Concurrent hashes. Each takes 19 MiB, and the memory is kept for the next.
const MAX_HASHES: usize = 2;
/// The memory of all hashes of this process.
static BUFFERS: Buffers = Buffers::new(MAX_HASHES);

/// Checks a new password: long enough, and not to be guessed. `known` are words that an attacker
/// would try first, such as the names of the user and of their accounts.
pub(crate) fn check(password: &str, known: &[String]) -> Result<()> {
    let long = password.chars().count();
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&long) {
        return Err(Error::invalid(
            "password",
            format!("must have {PASSWORD_MIN} to {PASSWORD_MAX} characters"),
        ));
    }
    let known: Vec<&str> = known.iter().flat_map(|words| parts(words)).chain([ISSUER]).collect();
    let strength = zxcvbn::zxcvbn(password, &known);
    if strength.score() >= zxcvbn::Score::Three {
        return Ok(());
    }
    let feedback = strength.feedback();
    let warning = feedback
        .and_then(zxcvbn::feedback::Feedback::warning)
        .map_or_else(String::new, |why| format!(": {why}"));
    let advice = feedback.into_iter().flat_map(zxcvbn::feedback::Feedback::suggestions).next();
    let advice =
        advice.map_or_else(|| "Use a few words that do not belong together.".into(), ToString::to_string);
    Err(Error::invalid("password", format!("can be guessed{}. {advice}", warning.trim_end_matches('.'))))
}

/// Splits a name or an address into the words that it is made of, itself included.
fn parts(words: &str) -> impl Iterator<Item = &str> {
    let parts = words.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() > 2);
    std::iter::once(words).chain(words.split('@').next()).chain(parts)
}

/// Memory that hashes borrow: there are never more of them at once than `most`, and none is freed.
struct Buffers {
    state: Mutex<BufferState>,
    returned: Condvar,
    most: usize,
}

struct BufferState {
    idle: Vec<Vec<Block>>,
    made: usize,
}

/// Memory of one hash, until it is dropped.
struct Lent<'a> {
    blocks: Vec<Block>,
    from: &'a Buffers,
}

impl Buffers {
    const fn new(most: usize) -> Self {
        let state = Mutex::new(BufferState { idle: Vec::new(), made: 0 });
        Self { state, returned: Condvar::new(), most }
    }

    fn state(&self) -> MutexGuard<'_, BufferState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Borrows memory; waits for some if all is lent.
    fn lend(&self) -> Lent<'_> {
        let mut state = self.state();
        while state.idle.is_empty() && state.made >= self.most {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let blocks = state.idle.pop().unwrap_or_else(|| {
            state.made += 1;
            Vec::new()
        });
        Lent { blocks, from: self }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.from.state().idle.push(std::mem::take(&mut self.blocks));
        self.from.returned.notify_one();
    }
}

#[cfg(test)]
thread_local! {
    /// Hashes that this thread has computed.
    pub(crate) static COMPUTED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Computes a hash in borrowed memory.
fn compute(argon2: &Argon2<'_>, password: &str, salt: &[u8], out: &mut [u8]) -> argon2::Result<()> {
    #[cfg(test)]
    COMPUTED.set(COMPUTED.get() + 1);
    let mut lent = BUFFERS.lend();
    let blocks = argon2.params().block_count().max(lent.blocks.len());
    lent.blocks.resize(blocks, Block::default());
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut lent.blocks)
}

/// Returns what is kept of a password (a PHC string).
pub(crate) fn hash(password: &str) -> Result<String> {
    let failed = |e: &dyn std::fmt::Display| Error::Store(format!("a password cannot be hashed: {e}"));
    let argon2 = Argon2::default();
    let (salt, mut out) = (Salt::generate(), [0; Params::DEFAULT_OUTPUT_LEN]);
    compute(&argon2, password, &salt, &mut out).map_err(|e| failed(&e))?;
    let kept = PasswordHash {
        algorithm: argon2::Algorithm::default().ident(),
        version: Some(argon2::Version::default().into()),
        params: ParamsString::try_from(argon2.params()).map_err(|e| failed(&e))?,
        salt: Some(salt),
        hash: Some(Output::new(&out).map_err(|e| failed(&e))?),
    };
    Ok(kept.to_string())
}

/// Checks a password against what was kept; without that it takes as long to say no.
pub(crate) fn proves(password: &str, kept: Option<&str>) -> bool {
    let parsed = kept.and_then(|text| PasswordHash::new(text).ok());
    let Some(PasswordHash { salt: Some(salt), hash: Some(hash), .. }) = &parsed else {
        let _ = compute(&Argon2::default(), password, &[0; 16], &mut [0; Params::DEFAULT_OUTPUT_LEN]);
        return false;
    };
    let params = parsed.as_ref().and_then(|kept| Params::try_from(kept).ok()).unwrap_or_default();
    let mut out = vec![0; hash.len()];
    let computed = compute(&Argon2::from(params), password, salt, &mut out);
    // Outputs are compared in constant time.
    computed.is_ok() && Output::new(&out).is_ok_and(|out| out == *hash)
}

/// A new second factor, to be kept until it is proved.
pub(crate) fn new_factor() -> String {
    Secret::generate().to_base32()
}

fn factor(secret: &str, email: &str) -> Result<Totp> {
    let broken =
        |e: &dyn std::fmt::Display| Error::Store(format!("the second factor cannot be read: {e}"));
    let secret = Secret::try_from_base32(secret).map_err(|e| broken(&e))?;
    // The address has no colon: one would end the name of whoever asks.
    let builder = Builder::new().with_secret(secret).with_issuer(Some(ISSUER));
    builder.with_account_name(email.replace(':', "")).build().map_err(|e| broken(&e))
}

/// What an authenticator is set up by: an address that most of them read.
pub(crate) fn factor_url(secret: &str, email: &str) -> Result<String> {
    let url = factor(secret, email)?.to_url();
    url.map_err(|e| Error::Store(format!("the second factor cannot be written: {e}")))
}

/// The step that a code is of, if it is good now: a step before or after is, for clocks differ.
pub(crate) fn step(secret: &str, code: &str, now: Time) -> Result<Option<i64>> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(None);
    }
    let step = factor(secret, "")?.check(&digits, now.0.max(0).unsigned_abs());
    Ok(step.map(|step| step as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_proves_itself_and_nothing_else_does() {
        let kept = hash("several words in a row").expect("hashed");
        assert!(kept.starts_with("$argon2id$v=19$"), "{kept}");
        assert!(proves("several words in a row", Some(&kept)));
        assert!(!proves("several words in a ro", Some(&kept)) && !proves("several words in a row", None));
        assert_ne!(kept, hash("several words in a row").expect("hashed"));
    }

    #[test]
    fn passwords_that_can_be_guessed_are_refused_with_a_reason() {
        let known = ["ada.lovelace@x.example", "Ada Lovelace", "Northstar Fleet"].map(str::to_owned);
        for bad in [
            "short",
            "aaaaaaaaaaaaaaaa",
            "ada.lovelace@x.example",
            "Ada Lovelace1",
            "abababababababab",
            "password1234",
            "qwertyuiop123",
            "Northstar2026",
            "northstarfleet",
        ] {
            assert!(check(bad, &known).is_err(), "{bad}");
        }
        let why = check("password1234", &known).expect_err("common").to_string();
        assert!(why.contains("common password") && why.contains("word"), "{why}");
        assert!(check("several words in a row", &known).is_ok());
    }

    #[test]
    fn no_more_hashes_run_at_once_than_there_are_buffers() {
        let buffers = Buffers::new(2);
        let counts = || {
            let state = buffers.state();
            (state.made, state.idle.len())
        };
        let (mut first, second) = (buffers.lend(), buffers.lend());
        first.blocks.resize(4, Block::default());
        let memory = first.blocks.as_ptr();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| buffers.lend().blocks.as_ptr() as usize);
            assert_eq!(counts(), (2, 0));
            drop(first);
            assert_eq!(waiting.join().expect("lent"), memory as usize, "the memory is used again");
        });
        drop(second);
        assert_eq!(counts(), (2, 2));
    }

    /// RFC 6238, appendix B: the secret of the test vectors, at 59 seconds.
    #[test]
    fn codes_are_those_of_the_standard_within_a_step() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        assert_eq!(step(secret, "287082", Time(59)), Ok(Some(1)));
        assert_eq!(step(secret, "287 082", Time(89)), Ok(Some(1)));
        for (code, at) in [("287082", 121), ("287083", 59), ("", 59), ("28708", 59), ("abcdef", 59)] {
            assert_eq!(step(secret, code, Time(at)), Ok(None), "{code}");
        }
        assert!(
            factor_url(secret, "ada@x.example").expect("URL").starts_with("otpauth://totp/simdeck:ada")
        );
        assert_ne!(new_factor(), new_factor());
    }
}
