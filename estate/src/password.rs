//! Passwords (Argon2id, RFC 9106) and codes of a second factor (TOTP, RFC 6238): what people sign in with.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use totp_rs::{Builder, Secret, Totp};

use crate::error::{Error, Result};
use crate::limits::{PASSWORD_MAX, PASSWORD_MIN};
use crate::units::Time;

/// Who asks for the code, as an authenticator shows it.
const ISSUER: &str = "simdeck";

/// Checks a new password: long enough, and not what everybody knows of its user.
pub(crate) fn check(password: &str, email: &str, name: &str) -> Result<()> {
    let long = password.chars().count();
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&long) {
        return Err(Error::invalid(
            "password",
            format!("must have {PASSWORD_MIN} to {PASSWORD_MAX} characters"),
        ));
    }
    let folded = crate::text::fold(password);
    let known = [email, email.split('@').next().unwrap_or_default(), name, "simdeck"];
    let guessed = known.iter().map(|word| crate::text::fold(word)).any(|word| {
        let rest = folded.replace(&word, "");
        word.chars().count() > 3 && rest.chars().count() < PASSWORD_MIN / 2
    });
    let mut distinct: Vec<char> = folded.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if guessed || distinct.len() < 5 {
        return Err(Error::invalid(
            "password",
            "can be guessed: take a few words that do not belong together",
        ));
    }
    Ok(())
}

/// What of a password is kept (a PHC string).
pub(crate) fn hash(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|e| Error::Store(format!("a password cannot be hashed: {e}")))?.to_string())
}

/// Whether a password is the one that was kept; without one it takes as long to say no.
pub(crate) fn proves(password: &str, kept: Option<&str>) -> bool {
    let parsed = kept.and_then(|text| PasswordHash::new(text).ok());
    if let Some(kept) = &parsed {
        return Argon2::default().verify_password(password.as_bytes(), kept).is_ok();
    }
    let _ = Argon2::default().hash_password(password.as_bytes());
    false
}

/// A new second factor, to be kept until it is proved.
pub(crate) fn new_factor() -> String {
    Secret::generate().to_base32()
}

fn factor(secret: &str, email: &str) -> Result<Totp> {
    let broken = |e: &dyn std::fmt::Display| Error::Store(format!("the second factor cannot be read: {e}"));
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
    fn passwords_that_can_be_guessed_are_refused() {
        for bad in
            ["short", "aaaaaaaaaaaaaaaa", "ada.lovelace@x.example", "Ada Lovelace1", "abababababababab"]
        {
            assert!(check(bad, "ada.lovelace@x.example", "Ada Lovelace").is_err(), "{bad}");
        }
        assert!(check("several words in a row", "ada@x.example", "Ada").is_ok());
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
        assert!(factor_url(secret, "ada@x.example").expect("URL").starts_with("otpauth://totp/simdeck:ada"));
        assert_ne!(new_factor(), new_factor());
    }
}
