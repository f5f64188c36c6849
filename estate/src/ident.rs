//! Identifiers of a SIM: ICCID, IMSI, MSISDN, EID, IMEI, with hard rules (refused) and soft ones
//! (doubts).
//!
//! Digits are kept as text: a 20-digit ICCID exceeds 2⁶³, and leading zeros matter.

use crate::error::{Error, Result};
use crate::limits;

/// A soft rule that a value breaks: it is kept, and whoever gave it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentifierWarning {
    /// The Luhn check digit does not fit (ISO/IEC 7812-1 annex B).
    CheckDigit,
    /// An ICCID starts with 89, the telecom industry identifier (ITU-T E.118).
    NotTelecom,
    /// Eighteen digits are the stem of a nineteen-digit ICCID, without its check digit.
    Stem,
    /// Shorter than such numbers usually are.
    Short,
    /// The two check digits of an EID do not fit (ISO/IEC 7064 MOD 97-10, GSMA SGP.02).
    Mod97,
}

impl IdentifierWarning {
    /// A fragment that says what is doubtful.
    pub fn reason(self) -> &'static str {
        match self {
            Self::CheckDigit => "the check digit does not fit (Luhn)",
            Self::NotTelecom => "does not start with 89",
            Self::Stem => "18 digits, read as a 19-digit number without its check digit",
            Self::Short => "shorter than usual",
            Self::Mod97 => "the two check digits do not fit (MOD 97-10)",
        }
    }
}

/// Reason to refuse a number that has lost its digits.
const FLOAT: &str = "a spreadsheet has turned the number into a float and destroyed its digits; format the column as text \
    before exporting";

/// An ICCID (ITU-T E.118): 18 to 20 digits, as its source gave them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iccid(String);

impl Iccid {
    /// Reads an ICCID, dropping blanks, hyphens and the `F` filler of `EF_ICCID` (ETSI TS 102 221).
    pub fn parse(text: &str) -> Result<(Self, Vec<IdentifierWarning>)> {
        let compact = compact(text);
        if looks_like_a_float(&compact) {
            return Err(Error::invalid("iccid", FLOAT));
        }
        let digits = compact.trim_end_matches(['F', 'f']);
        if digits.is_empty() {
            return Err(Error::invalid("iccid", "is empty"));
        }
        if !is_digits(digits) || !(18..=20).contains(&digits.len()) {
            return Err(Error::invalid("iccid", "must be 18 to 20 digits"));
        }
        let mut doubts = Vec::new();
        if !digits.starts_with("89") {
            doubts.push(IdentifierWarning::NotTelecom);
        }
        match digits.len() {
            18 => doubts.push(IdentifierWarning::Stem),
            // A 19-digit string may be a stem without check digit, which cannot be told from a
            // wrong one.
            _ if !luhn_ok(digits) => doubts.push(IdentifierWarning::CheckDigit),
            _ => {}
        }
        Ok((Self(digits.to_owned()), doubts))
    }

    /// The digits as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The match key: the same for a number with and without its check digit.
    pub fn key(&self) -> String {
        match self.0.len() {
            18 => format!("{}{}", self.0, luhn_digit(&self.0)),
            20 if luhn_ok(&self.0) => self.0[..19].to_owned(),
            _ => self.0.clone(),
        }
    }
}

/// Reads an IMSI (ITU-T E.212): 6 to 15 digits, usually 15.
pub fn imsi(text: &str) -> Result<(String, Vec<IdentifierWarning>)> {
    let digits = compact(text);
    if looks_like_a_float(&digits) {
        return Err(Error::invalid("imsi", FLOAT));
    }
    if !is_digits(&digits) || !(6..=15).contains(&digits.len()) {
        return Err(Error::invalid("imsi", "must be 6 to 15 digits"));
    }
    let doubts = if digits.len() == 15 { vec![] } else { vec![IdentifierWarning::Short] };
    Ok((digits, doubts))
}

/// Reads an MSISDN in international form (ITU-T E.164); kept without the `+`.
pub fn msisdn(text: &str) -> Result<(String, Vec<IdentifierWarning>)> {
    let digits = msisdn_digits(text);
    if !is_digits(&digits) || digits.len() > 15 {
        return Err(Error::invalid("msisdn", "must be up to 15 digits, with an optional +"));
    }
    if digits.starts_with('0') {
        return Err(Error::invalid("msisdn", "is in national form; the country code is missing"));
    }
    let doubts = if digits.len() < 8 { vec![IdentifierWarning::Short] } else { vec![] };
    Ok((digits, doubts))
}

/// Returns the digits of a telephone number in one of the international spellings; `None` for any
/// other text. An IMSI of the test network 001 begins with two zeros as well, and has 15 digits.
pub(crate) fn spelled_phone(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let number = lower.strip_prefix("tel:").unwrap_or(&lower);
    let known = number.chars().all(|c| c.is_ascii_digit() || " +-.()/\u{a0}".contains(c));
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let begins = number.starts_with(['+', '('])
        || lower.starts_with("tel:")
        || (number.starts_with("00") && digits != 15);
    (known && begins && (9..=17).contains(&digits)).then(|| msisdn_digits(text))
}

/// Reads an EID (GSMA SGP.02): 32 digits.
pub fn eid(text: &str) -> Result<(String, Vec<IdentifierWarning>)> {
    let digits = compact(text);
    if looks_like_a_float(&digits) {
        return Err(Error::invalid("eid", FLOAT));
    }
    if !is_digits(&digits) || digits.len() != 32 {
        return Err(Error::invalid("eid", "must be 32 digits"));
    }
    let remainder = digits.bytes().fold(0, |r, b| (r * 10 + u32::from(b - b'0')) % 97);
    let doubts = if remainder == 1 { vec![] } else { vec![IdentifierWarning::Mod97] };
    Ok((digits, doubts))
}

/// Reads an IMEI or IMEISV (3GPP TS 23.003): 15 or 16 digits. Networks may report the check digit
/// as 0.
pub fn imei(text: &str) -> Result<(String, Vec<IdentifierWarning>)> {
    let digits = compact(text);
    if !is_digits(&digits) || !matches!(digits.len(), 15 | 16) {
        return Err(Error::invalid("imei", "must be 15 digits, or 16 with a software version"));
    }
    let doubts = if digits.len() == 15 && !luhn_ok(&digits) {
        vec![IdentifierWarning::CheckDigit]
    } else {
        vec![]
    };
    Ok((digits, doubts))
}

/// Reads a mailbox (RFC 5321): one `@`, no controls or blanks, at most 254 octets.
pub fn email(text: &str) -> Result<String> {
    let text = text.trim();
    let parts: Vec<&str> = text.split('@').collect();
    let sound = parts.len() == 2 && parts.iter().all(|p| !p.is_empty());
    if !sound
        || text.len() > limits::EMAIL
        || text.chars().any(|c| c.is_control() || c.is_whitespace())
        || crate::text::clean(text) != text
    {
        return Err(Error::invalid("email", "must be an address such as name@example.com"));
    }
    Ok(text.to_owned())
}

/// Takes away what people and spreadsheets write around and between the digits of an identifier:
/// blanks, hyphens, apostrophes, quotes, `="…"`, a fraction of `.0`, characters of no width.
pub(crate) fn compact(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut compact: String = crate::text::clean(text)
        .chars()
        .filter(|c| {
            !c.is_whitespace()
                && !matches!(
                    c,
                    '-' | '\u{2010}'..='\u{2015}' | '\'' | '`' | '"' | '\u{2018}' | '\u{2019}' | '\u{ad}'
                )
                && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{180e}')
        })
        .collect();
    if compact.starts_with('=') {
        compact.remove(0);
    }
    if let Some((digits, zeros)) = compact.split_once('.')
        && is_digits(digits)
        && !zeros.is_empty()
        && zeros.bytes().all(|b| b == b'0')
    {
        compact.truncate(digits.len());
    }
    compact
}

/// Reduces an MSISDN to its digits without the `+`, `00` or trunk `(0)` it may be written with
/// (ITU-T E.123): `+44 (0)7700 900000`, `(+44) 7700.900000`, `0044 7700 900000`,
/// `tel:+447700900000`.
pub fn msisdn_digits(text: &str) -> String {
    let compact = compact(text);
    // A link may have parameters behind the number (RFC 3966).
    let number = match compact.get(..4).filter(|head| head.eq_ignore_ascii_case("tel:")) {
        Some(_) => compact[4..].split(';').next().unwrap_or_default(),
        None => &compact,
    };
    // The trunk prefix stands behind the country code; a number that begins with it is a national
    // one.
    let number = if number.starts_with("(0)") { number.to_owned() } else { number.replace("(0)", "") };
    let number: String = number.chars().filter(|c| !matches!(c, '(' | ')' | '.' | '/')).collect();
    let international = number.strip_prefix('+').or_else(|| number.strip_prefix("00"));
    international.unwrap_or(&number).to_owned()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `8.94411E+18` and its kin, with either decimal mark.
fn looks_like_a_float(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let exponent = exponent.trim_start_matches('+');
    is_digits(exponent) && mantissa.chars().all(|c| c.is_ascii_digit() || c == '.' || c == ',')
}

/// The Luhn check digit that `payload` needs (ISO/IEC 7812-1 annex B).
pub fn luhn_digit(payload: &str) -> char {
    let sum: u32 = payload
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b - b'0');
            match (i % 2, digit) {
                (0, d) if d > 4 => d * 2 - 9,
                (0, d) => d * 2,
                (_, d) => d,
            }
        })
        .sum();
    char::from(b'0' + ((10 - sum % 10) % 10) as u8)
}

/// True when the last of `digits` is the Luhn check digit of the rest.
pub fn luhn_ok(digits: &str) -> bool {
    digits.len() > 1 && digits.ends_with(luhn_digit(&digits[..digits.len() - 1]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn doubts(text: &str) -> Vec<IdentifierWarning> {
        Iccid::parse(text).expect("readable").1
    }

    fn key(text: &str) -> String {
        Iccid::parse(text).expect("readable").0.key()
    }

    #[test]
    fn documented_iccids_are_sound() {
        for sound in [
            "89883030000080139311",
            "8931070820307245732",
            "89457387300000024185",
            "8900101000000000043",
            "89001010000000000422",
        ] {
            assert_eq!(doubts(sound), [], "{sound}");
        }
    }

    #[test]
    fn stems_and_whole_numbers_share_a_key() {
        assert_eq!(luhn_digit("8988303000008013931"), '1');
        assert_eq!(luhn_digit("8900101000000000042"), '2');
        assert_eq!(key("8988303000008013931"), key("89883030000080139311"));
        assert_eq!(key("890010100000000004"), key("8900101000000000043"));
        assert_ne!(key("89883030000080139312"), key("89883030000080139311"));
    }

    #[test]
    fn filler_blanks_and_hyphens_go() {
        let (iccid, doubts) = Iccid::parse(" 8900-1010 00000000043F ").expect("readable");
        assert_eq!((iccid.as_str(), doubts), ("8900101000000000043", vec![]));
    }

    #[test]
    fn spreadsheets_and_people_write_around_the_digits() {
        for text in [
            "=\"8900101000000000043\"",
            "'8900101000000000043",
            "`8900101000000000043",
            "8900101000000000043.0",
            "\u{200b}8900101000000000043\u{feff}",
            "8900 1010\u{a0}0000 0000 043F",
        ] {
            assert_eq!(Iccid::parse(text).expect(text).0.as_str(), "8900101000000000043", "{text}");
        }
        for text in [
            "00447700900001",
            "(+44) 7700 900001",
            "+44 (0)7700 900001",
            "+44.7700.900001",
            "tel:+44-7700-900001",
            "=\"447700900001\"",
            "447700900001.0",
        ] {
            assert_eq!(msisdn(text).expect(text).0, "447700900001", "{text}");
        }
    }

    #[test]
    fn iccids_that_cannot_be() {
        for bad in
            ["", "12345", "8.94411E+18", "8,94411E+18", "89001010000000000x3", "890010100000000004312"]
        {
            assert!(Iccid::parse(bad).is_err(), "{bad}");
        }
        let spreadsheet = Iccid::parse("8.94411E+18").expect_err("destroyed").to_string();
        assert!(spreadsheet.contains("as text"), "{spreadsheet}");
        assert_eq!(doubts("7900101000000000043")[0], IdentifierWarning::NotTelecom);
        assert_eq!(doubts("894411000009000018"), [IdentifierWarning::Stem]);
    }

    #[test]
    fn other_identifiers_follow_their_standards() {
        assert_eq!(imei("490154203237518").expect("sound").1, []);
        assert_eq!(imei("490154203237510").expect("kept").1, [IdentifierWarning::CheckDigit]);
        for sound in [
            "89049032123451234512345678901235",
            "89001010000000000000000000000106",
            "35203000280200000000000000003672",
        ] {
            assert_eq!(eid(sound).expect("sound").1, [], "{sound}");
        }
        assert_eq!(eid("89049011803455664400046832584675").expect("kept").1, [IdentifierWarning::Mod97]);
        assert_eq!(imsi("001010000000001").expect("sound"), ("001010000000001".into(), vec![]));
        assert!(imsi("23410").is_err() && imsi("2341000000000012").is_err());
        assert_eq!(msisdn("+44 7700 900001").expect("sound").0, "447700900001");
        assert!(msisdn("07700 900002").is_err() && msisdn("not-a-number").is_err());
        assert!(email("a@b.example").is_ok() && email("a@@b").is_err() && email("a b@c").is_err());
    }

    proptest! {
        #[test]
        fn the_check_digit_always_fits(stem in "89[0-9]{16,17}") {
            let whole = format!("{stem}{}", luhn_digit(&stem));
            prop_assert!(luhn_ok(&whole));
            prop_assert_eq!(key(&whole), if stem.len() == 18 { whole.clone() } else { stem.clone() });
            prop_assert_eq!(key(&stem), key(&whole));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = (Iccid::parse(&text), imsi(&text), msisdn(&text), eid(&text), imei(&text), email(&text));
        }
    }
}
