//! Answers of a server, which is not trusted: of limited size, and without anything that a terminal
//! or a log would act on.
//!
//! Every answer passes through [`parse`], so that no other part of the program has to clean the
//! text of a server.

use std::time::Duration;

use estate::Error;
use estate::text::{clean, clean_lines};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use crate::remote::reason::reason;

/// Longest answer in bytes, after decompression: 100,000 accounts need about 40 MB.
pub(super) const MAX_ANSWER: usize = 48 << 20;
/// Longest body of a problem, and of an answer about signing in.
pub(super) const MAX_SMALL: usize = 256 << 10;
/// Longest line of an answer.
const MAX_LINE: usize = 1 << 20;
/// Most values in one answer. A value of 2 bytes takes up to 32 in memory.
const MAX_VALUES: usize = 4_000_000;
/// Members with text of several lines.
const MULTILINE: [&str; 4] = ["notes", "text", "before", "after"];

/// Why an answer cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerError {
    #[error("the server's answer is too large")]
    TooLarge,
    #[error("it has fallen silent")]
    Silent,
    #[error("{0}")]
    BrokenOff(String),
    #[error("what answers there is no simdeck server")]
    NotJson,
    #[error("the server's answer cannot be read: {0}")]
    Unexpected(String),
}

impl AnswerError {
    /// True if another attempt may succeed.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Silent | Self::BrokenOff(_))
    }
}

impl From<AnswerError> for Error {
    fn from(error: AnswerError) -> Self {
        Self::Conflict(error.to_string())
    }
}

/// Reads a whole body of at most `limit` bytes after decompression; no more is read of a longer
/// one.
pub(super) async fn read_body(mut response: Response, limit: usize) -> Result<Vec<u8>, AnswerError> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(AnswerError::TooLarge);
    }
    let mut body = Vec::new();
    let broken_off = |e| AnswerError::BrokenOff(reason(&e));
    while let Some(piece) = response.chunk().await.map_err(broken_off)? {
        if body.len() + piece.len() > limit {
            return Err(AnswerError::TooLarge);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// Parses JSON of a server; every string in it is cleaned first.
pub(super) fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, AnswerError> {
    let cleaned = clean_json(json)?;
    let json = cleaned.as_deref().map_or(json, str::as_bytes);
    serde_json::from_slice(json).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => AnswerError::Unexpected(error.to_string()),
        _ => AnswerError::NotJson,
    })
}

/// Cleans the strings and the names of members in JSON; `None` if they are clean.
///
/// The text is cleaned before it is parsed, so that it makes no difference which type it becomes.
/// The number of values is limited here too: they take more memory than their text.
fn clean_json(json: &[u8]) -> Result<Option<String>, AnswerError> {
    let text = std::str::from_utf8(json).map_err(|_| AnswerError::NotJson)?;
    let (mut cleaned, mut copied) = (String::new(), 0);
    let (mut values, mut member, mut at) = (0, "", 0);
    while at < json.len() {
        if json[at] != b'"' {
            values += usize::from(matches!(json[at], b',' | b'[' | b'{'));
            if values > MAX_VALUES {
                return Err(AnswerError::TooLarge);
            }
            at += 1;
            continue;
        }
        let end = end_of_string(json, at).ok_or(AnswerError::NotJson)?;
        let is_name = json[end..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
        if let Some(string) = clean_string(&text[at..end], !is_name && MULTILINE.contains(&member))? {
            cleaned.push_str(&text[copied..at]);
            cleaned.push_str(&string);
            copied = end;
        }
        if is_name {
            member = &text[at + 1..end - 1];
        }
        at = end;
    }
    if copied == 0 {
        return Ok(None);
    }
    cleaned.push_str(&text[copied..]);
    Ok(Some(cleaned))
}

/// The place after the closing quotation mark of the string that begins at `from`.
fn end_of_string(json: &[u8], from: usize) -> Option<usize> {
    let mut at = from + 1;
    loop {
        match json.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Cleans one string in its quotation marks; `None` if it is clean.
fn clean_string(quoted: &str, lines: bool) -> Result<Option<String>, AnswerError> {
    // Other ASCII text is clean: JSON has controls only behind a backslash.
    if !quoted.bytes().any(|byte| matches!(byte, b'\\' | 0x7f..)) {
        return Ok(None);
    }
    let string: String = serde_json::from_str(quoted).map_err(|_| AnswerError::NotJson)?;
    let cleaned = if lines { clean_lines(&string) } else { clean(&string) };
    if cleaned == string {
        return Ok(None);
    }
    serde_json::to_string(&cleaned).map(Some).map_err(|_| AnswerError::NotJson)
}

/// The lines of an answer, as they come.
pub(super) struct Lines {
    pieces: BoxStream<'static, Result<Vec<u8>, AnswerError>>,
    held: Vec<u8>,
    /// The end of the lines that were given, and of what holds no end of a line.
    given: usize,
    searched: usize,
    /// The time at which the line that is read began.
    begun: Instant,
    idle: Duration,
    line: Duration,
}

impl Lines {
    /// `idle` limits the wait between two pieces, `line` that for a whole line.
    pub(super) fn of(response: Response, idle: Duration, line: Duration) -> Self {
        let pieces = response.bytes_stream().map(|piece| match piece {
            Ok(piece) => Ok(piece.to_vec()),
            Err(error) => Err(AnswerError::BrokenOff(reason(&error))),
        });
        let begun = Instant::now();
        Self { pieces: pieces.boxed(), held: Vec::new(), given: 0, searched: 0, begun, idle, line }
    }

    /// The next line without its end; `None` at the end of the answer. A last line without an end
    /// is left out.
    pub(super) async fn next(&mut self) -> Result<Option<&[u8]>, AnswerError> {
        loop {
            if let Some(length) = self.held[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.given..self.searched + length;
                (self.given, self.searched) = (line.end + 1, line.end + 1);
                self.begun = Instant::now();
                return Ok(Some(&self.held[line]));
            }
            self.held.drain(..self.given);
            (self.given, self.searched) = (0, self.held.len());
            if self.held.len() > MAX_LINE {
                return Err(AnswerError::TooLarge);
            }
            if !self.held.is_empty() && self.begun.elapsed() > self.line {
                return Err(AnswerError::Silent);
            }
            let piece = timeout(self.idle, self.pieces.next()).await.map_err(|_| AnswerError::Silent)?;
            let Some(piece) = piece.transpose()? else { return Ok(None) };
            if self.held.is_empty() {
                self.begun = Instant::now();
            }
            self.held.extend_from_slice(&piece);
        }
    }
}

pub(super) fn sent<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|e| Error::Store(e.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_string_is_cleaned_wherever_it_stands() {
        let hostile = r#"{"na\u001b[31mme":"a\u001b]52;c;aGk=\u0007b","list":["\u009b2Jx","y\u202ez"],"#
            .to_owned()
            + "\"c1\":\"a\u{9d}0;t\u{9c}b\u{7f}\u{85}\u{200b}\u{ad}c\",\"deep\":{\"one\":\"a\\nb\",\"notes\":\"a\\nb\\u0000\"}}";
        let parsed: Value = parse(hostile.as_bytes()).expect("JSON");
        let expected = json!({ "name": "ab", "list": ["x", "yz"], "c1": "abc",
                               "deep": { "one": "a b", "notes": "a\nb" } });
        assert_eq!(parsed, expected);
        // An enumerated value and a name of a type are strings too.
        let role: estate::Role = parse(b"\"ad\\u001b[1mmin\"").expect("a role");
        assert_eq!(role, estate::Role::Admin);
    }

    #[test]
    fn what_is_no_json_is_told_from_json_of_another_kind() {
        for text in ["<html>", "\"", "\"\\", "{\"a\":\"\\ud800\"}", "[\"a\u{1b}\"]", "[1", "\"\\u00"] {
            assert_eq!(parse::<Value>(text.as_bytes()), Err(AnswerError::NotJson), "{text:?}");
        }
        assert_eq!(parse::<Value>(b"\"\xff\""), Err(AnswerError::NotJson));
        let error = parse::<u64>(b"\"a\\u001b[31mb\"").expect_err("a string").to_string();
        assert!(error.contains("\"ab\"") && !estate::text::has_control(&error), "{error}");
    }

    #[test]
    fn more_values_than_memory_has_room_for_are_refused() {
        let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert_eq!(parse::<Value>(many.as_bytes()), Err(AnswerError::TooLarge));
    }

    proptest! {
        #[test]
        fn clean_json_is_what_it_was(text in "[\\PC\\n\\x00-\\x9f\u{202e}\"\\\\]*", number in any::<i64>()) {
            let value = json!({ "a": [text.as_str(), number], "notes": text.as_str(), text.as_str(): null });
            let parsed: Value = parse(value.to_string().as_bytes()).expect("JSON");
            prop_assert_eq!(&parsed["a"], &json!([clean(&text), number]));
            if text != "notes" {
                prop_assert_eq!(&parsed["notes"], &json!(clean_lines(&text)));
            }
        }
    }
}
