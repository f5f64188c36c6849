//! Bytes of any encoding to UTF-8, as a stream; what is not valid is an error with a way out.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};

use crate::error::{Error, Result};

/// How much is looked at to find out the delimiter.
const HEAD: usize = 64 << 10;

/// Opens a stream as text and gives its beginning apart.
pub(crate) fn open<'a>(
    mut input: Box<dyn Read + Send + 'a>,
    encoding: Option<&str>,
) -> Result<(Box<dyn Read + Send + 'a>, String)> {
    let mut head = vec![0; 4096];
    let length = fill(&mut input, &mut head).map_err(|e| Error::io("cannot read the file", e))?;
    head.truncate(length);
    let (encoding, strict) = match (encoding, Encoding::for_bom(&head)) {
        (Some(label), _) => (by_label(label)?, false),
        (None, Some((encoding, _))) => (encoding, true),
        (None, None) => (UTF_8, true),
    };
    let bytes: Box<dyn Read + Send + 'a> = Box::new(io::Cursor::new(head).chain(input));
    let decoder = encoding.new_decoder_with_bom_removal();
    let mut text = Decoded {
        bytes,
        decoder,
        strict,
        raw: vec![],
        text: String::new(),
        given: 0,
        offset: 0,
        done: false,
        escape: Escape::No,
    };
    let mut beginning = vec![0; HEAD];
    let length = fill(&mut text, &mut beginning).map_err(|e| Error::invalid("file", e.to_string()))?;
    beginning.truncate(length);
    let whole = match std::str::from_utf8(&beginning) {
        Ok(_) => beginning.len(),
        Err(error) => error.valid_up_to(),
    };
    let rest = beginning.split_off(whole);
    let beginning = String::from_utf8(beginning).unwrap_or_default();
    Ok((Box::new(io::Cursor::new(rest).chain(text)), beginning))
}

fn by_label(label: &str) -> Result<&'static Encoding> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Error::invalid(
            "encoding",
            format!("{label} is not known; try utf-8, latin1, windows-1252 or utf-16le"),
        )
    })
}

fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match input.read(&mut buffer[length..])? {
            0 => break,
            n => length += n,
        }
    }
    Ok(length)
}

/// UTF-8 out of any encoding.
struct Decoded<'a> {
    bytes: Box<dyn Read + Send + 'a>,
    decoder: Decoder,
    /// Refuse what is not valid, because nobody named the encoding.
    strict: bool,
    raw: Vec<u8>,
    text: String,
    /// How much of `text` has been handed out.
    given: usize,
    /// Bytes decoded so far.
    offset: usize,
    done: bool,
    escape: Escape,
}

/// Where in an escape sequence the text is.
#[derive(Clone, Copy, PartialEq)]
enum Escape {
    No,
    Begun,
    Control,
    String,
    StringEnding,
}

impl Read for Decoded<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.done {
                return Ok(0);
            }
            self.more()?;
        }
        let length = out.len().min(self.text.len() - self.given);
        out[..length].copy_from_slice(&self.text.as_bytes()[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

impl Decoded<'_> {
    /// Decodes the next piece.
    fn more(&mut self) -> io::Result<()> {
        self.raw.resize(HEAD, 0);
        let length = self.bytes.read(&mut self.raw)?;
        self.done = length == 0;
        self.text.clear();
        self.given = 0;
        let raw = &self.raw[..length];
        self.text.reserve(self.decoder.max_utf8_buffer_length(length).unwrap_or(4 * HEAD));
        if !self.strict {
            let _ = self.decoder.decode_to_string(raw, &mut self.text, self.done);
            self.disarm();
            return Ok(());
        }
        let (result, read) =
            self.decoder.decode_to_string_without_replacement(raw, &mut self.text, self.done);
        if let DecoderResult::Malformed(..) = result {
            let (name, byte) = (self.decoder.encoding().name(), self.offset + read);
            let way_out = "name its encoding, for example --encoding windows-1252";
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("is not {name} (byte {byte}); {way_out}"),
            ));
        }
        self.offset += length;
        self.disarm();
        Ok(())
    }

    /// Puts a bare string terminator in place of each escape sequence: a delimiter inside one is none. The
    /// terminator is harmless by itself, and tells that something was taken out of the cell.
    fn disarm(&mut self) {
        if self.escape == Escape::No && !self.text.contains('\x1b') {
            return;
        }
        let mut out = String::with_capacity(self.text.len());
        for c in self.text.chars() {
            self.escape = match (self.escape, c) {
                (Escape::No | Escape::Begun, '\x1b') => {
                    out.push('\u{9c}');
                    Escape::Begun
                }
                // No sequence reaches over the end of a line, or an unfinished one would swallow the file.
                (_, '\n' | '\r') | (Escape::No, _) => {
                    out.push(c);
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
        self.text = out;
    }
}
