//! How brokers prove to one another that they belong to the cluster: pure.
//!
//! Both know a key that lies in the metadata bucket. Each side brings something random to a session, whose own key follows
//! from both; every question carries a number that only grows and a code over all of it, and so does the answer. So nothing
//! that was overheard is of use: not in another session, and not twice in the same.

use bytes::{BufMut, Bytes, BytesMut};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

/// Bytes of a code.
const CODE_BYTES: usize = 32;
/// Bytes of randomness that each side brings.
pub(super) const NONCE_BYTES: usize = 32;

/// What stands in front of a frame's body.
const HELLO: u8 = 0;
const QUESTION: u8 = 1;

/// A key that members share.
#[derive(Clone)]
pub(crate) struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Randomness of one side.
pub(super) type Nonce = [u8; NONCE_BYTES];

/// Why something is not taken for a member's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum NotAMember {
    /// It is too short, or of no known kind.
    #[error("it is garbled")]
    Garbled,
    /// Its code is not the one that the key gives.
    #[error("its code is wrong")]
    WrongCode,
    /// There was no greeting.
    #[error("the session has not begun")]
    NoSession,
    /// Its number was there before.
    #[error("it is a repetition")]
    Repeated,
}

/// One side's place in a session.
#[derive(Debug)]
pub(crate) struct Session {
    key: Key,
    next: u64,
}

/// What a frame holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// Somebody wants a session.
    Hello(Nonce),
    /// A question, to be checked by the session.
    Question(Bytes),
}

impl Key {
    pub(super) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn code(&self, what: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut code = mac(&self.0);
        code.update(what);
        for part in parts {
            code.update(part);
        }
        code
    }

    fn session(&self, client: &Nonce, server: &Nonce) -> Session {
        let key = self.code(b"session", &[client, server]).finalize().into_bytes().into();
        Session { key: Self(key), next: 0 }
    }
}

fn mac(key: &[u8; 32]) -> Hmac<Sha256> {
    // A key that is shorter than the hash's block is filled with zeros (RFC 2104).
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::<Sha256>::new(&block.into())
}

/// Tells the kinds of frames apart.
pub(super) fn read(body: &Bytes) -> Result<Incoming, NotAMember> {
    match body.first() {
        Some(&HELLO) => {
            let nonce = body.get(1..).and_then(|rest| rest.try_into().ok()).ok_or(NotAMember::Garbled)?;
            Ok(Incoming::Hello(nonce))
        }
        Some(&QUESTION) => Ok(Incoming::Question(body.slice(1..))),
        _ => Err(NotAMember::Garbled),
    }
}

/// What begins a session.
pub(super) fn hello(client: &Nonce) -> Bytes {
    let mut body = BytesMut::with_capacity(1 + NONCE_BYTES);
    body.put_u8(HELLO);
    body.put_slice(client);
    body.freeze()
}

/// The answer to a greeting, and the session that it begins.
pub(super) fn welcome(key: &Key, client: &Nonce, server: &Nonce) -> (Bytes, Session) {
    let mut body = BytesMut::with_capacity(NONCE_BYTES + CODE_BYTES);
    body.put_slice(server);
    body.put_slice(&key.code(b"welcome", &[client, server]).finalize().into_bytes());
    (body.freeze(), key.session(client, server))
}

/// The session that an answer to a greeting begins.
pub(super) fn welcomed(key: &Key, client: &Nonce, body: &[u8]) -> Result<Session, NotAMember> {
    let (server, code) = body.split_first_chunk::<NONCE_BYTES>().ok_or(NotAMember::Garbled)?;
    key.code(b"welcome", &[client, server]).verify_slice(code).map_err(|_| NotAMember::WrongCode)?;
    Ok(key.session(client, server))
}

impl Session {
    /// Whether a question was sent, or taken.
    pub(super) fn has_proved(&self) -> bool {
        self.next > 0
    }

    /// A question as it goes out; its number is needed to read the answer.
    pub(super) fn ask(&mut self, payload: &[u8]) -> (u64, Bytes) {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        let code = self.key.code(b"question", &[&number.to_be_bytes(), payload]).finalize().into_bytes();
        let mut body = BytesMut::with_capacity(1 + 8 + CODE_BYTES + payload.len());
        body.put_u8(QUESTION);
        body.put_u64(number);
        body.put_slice(&code);
        body.put_slice(payload);
        (number, body.freeze())
    }

    /// A question as it came in, and its number.
    pub(super) fn asked(&mut self, body: &Bytes) -> Result<(u64, Bytes), NotAMember> {
        let (number, rest) = body.split_first_chunk::<8>().ok_or(NotAMember::Garbled)?;
        let (code, payload) = rest.split_at_checked(CODE_BYTES).ok_or(NotAMember::Garbled)?;
        self.key.code(b"question", &[number, payload]).verify_slice(code).map_err(|_| NotAMember::WrongCode)?;
        let number = u64::from_be_bytes(*number);
        if number < self.next {
            return Err(NotAMember::Repeated);
        }
        self.next = number.saturating_add(1);
        Ok((number, body.slice(8 + CODE_BYTES..)))
    }

    /// An answer as it goes out.
    pub(super) fn answer(&self, number: u64, payload: &[u8]) -> Bytes {
        let code = self.key.code(b"answer", &[&number.to_be_bytes(), payload]).finalize().into_bytes();
        let mut body = BytesMut::with_capacity(CODE_BYTES + payload.len());
        body.put_slice(&code);
        body.put_slice(payload);
        body.freeze()
    }

    /// An answer as it came in.
    pub(super) fn answered(&self, number: u64, body: &Bytes) -> Result<Bytes, NotAMember> {
        let (code, payload) = body.split_at_checked(CODE_BYTES).ok_or(NotAMember::Garbled)?;
        let expected = self.key.code(b"answer", &[&number.to_be_bytes(), payload]);
        expected.verify_slice(code).map_err(|_| NotAMember::WrongCode)?;
        Ok(body.slice(CODE_BYTES..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: Nonce = [1; NONCE_BYTES];

    fn begun(key: &Key, server: Nonce) -> (Session, Session) {
        let Ok(Incoming::Hello(nonce)) = read(&hello(&CLIENT)) else { panic!("no greeting") };
        let (body, theirs) = welcome(key, &nonce, &server);
        (welcomed(key, &CLIENT, &body).unwrap(), theirs)
    }

    /// The body of a question without its kind.
    fn question(session: &mut Session, payload: &[u8]) -> (u64, Bytes) {
        let (number, body) = session.ask(payload);
        let Ok(Incoming::Question(body)) = read(&body) else { panic!("no question") };
        (number, body)
    }

    #[test]
    fn questions_and_answers_arrive_as_they_were_sent() {
        let (mut mine, mut theirs) = begun(&Key::new([7; 32]), [2; NONCE_BYTES]);
        for payload in [&b"one"[..], b"", b"three"] {
            let (sent, body) = question(&mut mine, payload);
            let (number, read) = theirs.asked(&body).unwrap();
            assert_eq!((number, &read[..]), (sent, payload));
            assert_eq!(mine.answered(number, &theirs.answer(number, b"yes")).unwrap(), "yes");
        }
    }

    #[test]
    fn whoever_has_another_key_is_refused_by_both_sides() {
        let (body, mut theirs) = welcome(&Key::new([7; 32]), &CLIENT, &[2; NONCE_BYTES]);
        let stranger = Key::new([8; 32]);
        assert_eq!(welcomed(&stranger, &CLIENT, &body).err(), Some(NotAMember::WrongCode));
        let mut forged = stranger.session(&CLIENT, &[2; NONCE_BYTES]);
        let (_, body) = question(&mut forged, b"let me in");
        assert_eq!(theirs.asked(&body), Err(NotAMember::WrongCode));
    }

    #[test]
    fn what_was_overheard_is_of_no_use() {
        let key = Key::new([7; 32]);
        let (mut mine, mut theirs) = begun(&key, [2; NONCE_BYTES]);
        let (number, body) = question(&mut mine, b"fence broker 1");
        theirs.asked(&body).unwrap();
        assert_eq!(theirs.asked(&body), Err(NotAMember::Repeated));
        // The other side brings something else to every session.
        let (_, mut other) = begun(&key, [3; NONCE_BYTES]);
        assert_eq!(other.asked(&body), Err(NotAMember::WrongCode));
        // An answer belongs to one question.
        let answer = theirs.answer(number, b"done");
        let (next, _) = question(&mut mine, b"fence broker 2");
        assert_eq!(mine.answered(next, &answer), Err(NotAMember::WrongCode));
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let (mut mine, mut theirs) = begun(&Key::new([7; 32]), [2; NONCE_BYTES]);
        let (_, body) = question(&mut mine, b"payload");
        for at in 0..body.len() {
            let mut changed = body.to_vec();
            changed[at] ^= 1;
            assert!(theirs.asked(&changed.into()).is_err(), "byte {at}");
            assert!(theirs.asked(&body.slice(..at)).is_err(), "{at} bytes");
        }
        theirs.asked(&body).unwrap();
    }
}
