//! Text of any encoding to UTF-8, with line ends made equal and escape sequences disarmed.

use std::io::{Read, Write};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};
use tempfile::SpooledTempFile;

use super::spool::{IN_MEMORY, MAX_LINE, Tick};
use crate::error::{Error, Result};

/// Bytes decoded at a time.
const PIECE: usize = 64 << 10;

/// Rules that a text is held to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strictness {
    /// Refuse what is not valid in the encoding, unless that is named.
    pub encoding: bool,
    /// Refuse lines that are too long.
    pub lines: bool,
}

/// Decodes a stream into a temporary file. `head` is its beginning, by which the encoding is
/// recognised unless it is named.
pub(super) fn read(
    mut input: impl Read,
    head: &[u8],
    encoding: Option<&str>,
    strictness: Strictness,
    tick: Tick<'_>,
) -> Result<SpooledTempFile> {
    let (encoding, strict) = match encoding {
        Some(label) => (by_label(label)?, false),
        None => match Encoding::for_bom(head) {
            Some((encoding, _)) => (encoding, strictness.encoding),
            None => (utf_16(head).unwrap_or(UTF_8), strictness.encoding),
        },
    };
    let mut text = Text {
        decoder: encoding.new_decoder_with_bom_removal(),
        strict,
        max_line: if strictness.lines { MAX_LINE } else { usize::MAX },
        decoded: String::new(),
        out: String::new(),
        file: SpooledTempFile::new(IN_MEMORY),
        offset: 0,
        line: 1,
        line_length: 0,
        after_cr: false,
        escape: Escape::No,
    };
    let mut raw = vec![0; PIECE];
    loop {
        let length = match input.read(&mut raw) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(Error::invalid("file", error.to_string()));
            }
            other => other.map_err(|e| Error::io("cannot read the file", e))?,
        };
        text.take(&raw[..length], length == 0)?;
        tick(text.line)?;
        if length == 0 {
            return Ok(text.file);
        }
    }
}

fn by_label(label: &str) -> Result<&'static Encoding> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Error::invalid(
            "encoding",
            format!("{label} is not known; try utf-8, latin1, windows-1252 or utf-16le"),
        )
    })
}

/// Recognises UTF-16 without a byte order mark: every other byte of Latin text is 0.
pub(super) fn utf_16(head: &[u8]) -> Option<&'static Encoding> {
    let pairs = head.len() / 2;
    if pairs < 4 {
        return None;
    }
    let zeros = |odd: usize| head.chunks_exact(2).filter(|pair| pair[odd] == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if odd * 10 >= pairs * 6 && even * 20 < pairs {
        return Some(UTF_16LE);
    }
    (even * 10 >= pairs * 6 && odd * 20 < pairs).then_some(UTF_16BE)
}

/// Text being decoded.
struct Text {
    decoder: Decoder,
    /// Refuse what is not valid, because nobody named the encoding.
    strict: bool,
    max_line: usize,
    decoded: String,
    out: String,
    file: SpooledTempFile,
    /// Bytes decoded so far.
    offset: usize,
    line: u64,
    line_length: usize,
    /// True if the text so far ends in a carriage return.
    after_cr: bool,
    escape: Escape,
}

/// Place in an escape sequence (ECMA-48 §5.4).
#[derive(Clone, Copy, PartialEq)]
enum Escape {
    No,
    Begun,
    Control,
    String,
    StringEnding,
}

impl Text {
    /// Decodes the next piece and writes it.
    fn take(&mut self, raw: &[u8], last: bool) -> Result<()> {
        self.decoded.clear();
        let most = self.decoder.max_utf8_buffer_length(raw.len()).unwrap_or(4 * PIECE);
        self.decoded.reserve(most);
        if self.strict {
            let (result, read) =
                self.decoder.decode_to_string_without_replacement(raw, &mut self.decoded, last);
            if let DecoderResult::Malformed(..) = result {
                let (name, byte) = (self.decoder.encoding().name(), self.offset + read);
                let reason = format!(
                    "is not {name} (byte {byte}); name its encoding, for example --encoding windows-1252"
                );
                return Err(Error::invalid("file", reason));
            }
        } else {
            let _ = self.decoder.decode_to_string(raw, &mut self.decoded, last);
        }
        self.offset += raw.len();
        let decoded = std::mem::take(&mut self.decoded);
        let plain = self.escape == Escape::No && !self.after_cr && !decoded.contains(['\x1b', '\r']);
        let written = if plain {
            self.measure(&decoded)?;
            self.file.write_all(decoded.as_bytes())
        } else {
            self.clean(&decoded);
            let out = std::mem::take(&mut self.out);
            self.measure(&out)?;
            let written = self.file.write_all(out.as_bytes());
            self.out = out;
            written
        };
        self.decoded = decoded;
        written.map_err(|e| Error::io("cannot write a temporary file", e))
    }

    /// Counts lines; one that is too long is an error.
    fn measure(&mut self, text: &str) -> Result<()> {
        let mut pieces = text.split('\n');
        self.line_length += pieces.next().map_or(0, str::len);
        for piece in pieces {
            self.check_line()?;
            self.line += 1;
            self.line_length = piece.len();
        }
        self.check_line()
    }

    fn check_line(&self) -> Result<()> {
        if self.line_length > self.max_line {
            return Err(Error::invalid("file", format!("line {} is longer than 1 MiB", self.line)));
        }
        Ok(())
    }

    /// Makes line ends equal, and puts a bare string terminator in place of each escape sequence: a
    /// delimiter inside one is none. The terminator is harmless by itself, and tells that something
    /// was taken out of the cell.
    fn clean(&mut self, text: &str) {
        self.out.clear();
        for c in text.chars() {
            let after_cr = std::mem::replace(&mut self.after_cr, c == '\r');
            self.escape = match (self.escape, c) {
                (_, '\n') if after_cr => Escape::No,
                // No sequence reaches over the end of a line, or an unfinished one would swallow
                // the file.
                (_, '\n' | '\r') => {
                    self.out.push('\n');
                    Escape::No
                }
                (Escape::No | Escape::Begun, '\x1b') => {
                    self.out.push('\u{9c}');
                    Escape::Begun
                }
                (Escape::No, _) => {
                    self.out.push(c);
                    Escape::No
                }
                (Escape::Begun, '[') => Escape::Control,
                (Escape::Begun, ']' | 'P' | 'X' | '^' | '_') => Escape::String,
                (Escape::Control, ' '..='?') => Escape::Control,
                (Escape::String, '\x1b') => Escape::StringEnding,
                (Escape::String, c) if c != '\x07' && c != '\u{9c}' => Escape::String,
                _ => Escape::No,
            };
        }
    }
}
