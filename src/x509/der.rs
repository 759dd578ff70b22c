//! The bounds that a certificate must keep before a parser sees it, and a reader for its outermost elements
//! (X.690 §8.1, §10.1).

/// The longest certificate that is read, bytes. Real ones with hundreds of names stay under 32 KiB.
pub const MAX_CERTIFICATE: usize = 256 << 10;
/// The deepest nesting of constructed elements. A certificate with every extension needs some twelve.
pub const MAX_DEPTH: usize = 32;
/// The most elements.
pub const MAX_ELEMENTS: usize = 65_536;

/// SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// INTEGER.
pub const INTEGER: u8 = 0x02;
/// BIT STRING.
pub const BIT_STRING: u8 = 0x03;

/// UTCTime.
pub const UTC_TIME: u8 = 0x17;
/// GeneralizedTime.
pub const GENERALIZED_TIME: u8 = 0x18;

/// Why bytes are no certificate that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DerFault {
    /// Nothing there.
    #[error("empty")]
    Empty,
    /// Over [`MAX_CERTIFICATE`].
    #[error("{0} bytes, more than {MAX_CERTIFICATE}")]
    TooLong(usize),
    /// Over [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// Over [`MAX_ELEMENTS`].
    #[error("more than {MAX_ELEMENTS} elements")]
    TooMany,
    /// An element that is cut, overruns the one around it, or has an indefinite length.
    #[error("no DER at byte {0}")]
    NotDer(usize),
    /// Bytes behind the certificate.
    #[error("{0} bytes behind the certificate")]
    Trailing(usize),
    /// DER, but no certificate.
    #[error("not a certificate: {0}")]
    NotACertificate(String),
}

/// One element: tag octet, contents, and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    /// The identifier octet (low tag numbers only).
    pub tag: u8,
    /// The contents.
    pub contents: &'a [u8],
    /// Header and contents.
    pub whole: &'a [u8],
    /// The bytes behind it.
    pub rest: &'a [u8],
}

/// The first element of `input`.
pub fn read(input: &[u8]) -> Option<Element<'_>> {
    let header = header(input)?;
    let end = header.length.checked_add(header.contents)?;
    Some(Element {
        tag: *input.first()?,
        contents: input.get(header.length..end)?,
        whole: input.get(..end)?,
        rest: input.get(end..)?,
    })
}

/// The elements that `contents` consists of; `None` where it does not.
pub fn elements(contents: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    let mut rest = contents;
    while !rest.is_empty() {
        let element = read(rest)?;
        rest = element.rest;
        found.push(element);
    }
    Some(found)
}

/// Walks every element of `certificate` without recursion and refuses what breaks a bound.
pub fn check(certificate: &[u8]) -> Result<(), DerFault> {
    if certificate.is_empty() {
        return Err(DerFault::Empty);
    }
    if certificate.len() > MAX_CERTIFICATE {
        return Err(DerFault::TooLong(certificate.len()));
    }
    // Ends of the constructed elements around the current position, innermost last.
    let mut around: Vec<usize> = Vec::with_capacity(MAX_DEPTH);
    let mut at = 0;
    let mut elements = 0;
    loop {
        while around.last() == Some(&at) {
            around.pop();
        }
        let limit = match around.last() {
            Some(&end) => end,
            None if elements == 0 => certificate.len(),
            None if at == certificate.len() => return Ok(()),
            None => return Err(DerFault::Trailing(certificate.len() - at)),
        };
        elements += 1;
        if elements > MAX_ELEMENTS {
            return Err(DerFault::TooMany);
        }
        let header = header(&certificate[at..limit]).ok_or(DerFault::NotDer(at))?;
        let end = at + header.length + header.contents;
        if end > limit {
            return Err(DerFault::NotDer(at));
        }
        at = if header.constructed {
            if around.len() == MAX_DEPTH {
                return Err(DerFault::TooDeep);
            }
            around.push(end);
            at + header.length
        } else {
            end
        };
    }
}

struct Header {
    length: usize,
    contents: usize,
    constructed: bool,
}

fn header(input: &[u8]) -> Option<Header> {
    let first = *input.first()?;
    let mut at = 1;
    if first & 0x1f == 0x1f {
        // High tag numbers: at most four octets, more than any standard uses.
        let last = input[1..]
            .iter()
            .take(4)
            .position(|octet| octet & 0x80 == 0)?;
        at += last + 1;
    }
    let short = *input.get(at)?;
    at += 1;
    let contents = match short {
        0..=0x7f => usize::from(short),
        0x81..=0x84 => {
            let octets = input.get(at..at + usize::from(short & 0x7f))?;
            at += octets.len();
            octets
                .iter()
                .fold(0usize, |length, &octet| length << 8 | usize::from(octet))
        }
        _ => return None,
    };
    Some(Header {
        length: at,
        contents,
        constructed: first & 0x20 != 0,
    })
}

/// Bits of a big-endian number without its leading zeros.
pub fn bits(number: &[u8]) -> Option<u32> {
    let first = number.iter().position(|&octet| octet != 0)?;
    let octets = u32::try_from(number.len() - first).ok()?;
    octets
        .checked_mul(8)?
        .checked_sub(number[first].leading_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SEQUENCE in a SEQUENCE, `depth` of them.
    fn nested(depth: usize) -> Vec<u8> {
        let mut der = Vec::new();
        for _ in 0..depth {
            let length = der.len();
            let mut outer = vec![SEQUENCE, 0x83];
            outer.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
            outer.append(&mut der);
            der = outer;
        }
        der
    }

    #[test]
    fn depth_is_bounded_without_recursion() {
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(check(&nested(MAX_DEPTH + 1)), Err(DerFault::TooDeep));
        assert_eq!(check(&nested(10_000)), Err(DerFault::TooDeep));
    }

    #[test]
    fn size_and_number_are_bounded() {
        assert_eq!(check(&[]), Err(DerFault::Empty));
        assert_eq!(check(&vec![0; 1 << 20]), Err(DerFault::TooLong(1 << 20)));
        let mut many = vec![SEQUENCE, 0x83];
        many.extend_from_slice(&(2 * 100_000u32).to_be_bytes()[1..]);
        many.extend(std::iter::repeat_n([0x05, 0x00], 100_000).flatten());
        assert_eq!(check(&many), Err(DerFault::TooMany));
    }

    #[test]
    fn overruns_indefinite_lengths_and_trailing_bytes_are_refused() {
        assert_eq!(
            check(&[SEQUENCE, 3, INTEGER, 2, 1]),
            Err(DerFault::NotDer(2))
        );
        assert_eq!(check(&[SEQUENCE, 0x80, 0, 0]), Err(DerFault::NotDer(0)));
        assert_eq!(check(&[SEQUENCE, 2, INTEGER, 1]), Err(DerFault::NotDer(2)));
        assert_eq!(check(&[SEQUENCE, 0, 7]), Err(DerFault::Trailing(1)));
        assert_eq!(
            check(&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]),
            Err(DerFault::NotDer(0))
        );
    }

    #[test]
    fn elements_are_read_one_by_one() {
        let element = read(&[INTEGER, 1, 5, 9]).expect("one element");
        assert_eq!(
            (element.tag, element.contents, element.rest),
            (INTEGER, [5].as_slice(), [9].as_slice())
        );
        assert!(read(&[INTEGER, 5, 0]).is_none());
    }
}
