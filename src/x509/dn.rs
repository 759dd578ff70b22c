//! Distinguished names as text (RFC 4514).

use x509_parser::asn1_rs::ToDer as _;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::der;
use crate::record::Text;

/// A name in the form of RFC 4514: most specific attribute first.
pub fn text(name: &X509Name<'_>) -> Text {
    let mut text = Vec::new();
    let relative: Vec<_> = name.iter_rdn().collect();
    for (at, rdn) in relative.iter().rev().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        for (at, attribute) in rdn.iter().enumerate() {
            if at > 0 {
                text.push(b'+');
            }
            attribute_text(&mut text, attribute);
        }
    }
    Text(text.into())
}

/// A name, the contents of its SEQUENCE, such that two names that RFC 5280 §7.1 calls equal become the same bytes:
/// the type of a string, its case and the number of its spaces do not count.
pub(super) fn canonical(name: &[u8]) -> Vec<u8> {
    relative_names(name).map_or_else(|| name.to_vec(), |relative| relative.concat())
}

/// The relative names of a name in the form of [`canonical`], least specific first.
pub(super) fn relative_names(name: &[u8]) -> Option<Vec<Vec<u8>>> {
    let relative = der::elements(name)?;
    relative
        .iter()
        .map(|set| {
            let mut attributes: Vec<_> = (der::elements(set.contents)?.iter())
                .map(|attribute| canonical_attribute(attribute.contents))
                .collect::<Option<_>>()?;
            attributes.sort_unstable();
            Some(with_length(&attributes.concat()))
        })
        .collect()
}

fn canonical_attribute(attribute: &[u8]) -> Option<Vec<u8>> {
    let kind = der::read(attribute)?;
    let value = der::read(kind.rest)?;
    let text = characters(u32::from(value.tag), value.contents)
        .and_then(|text| String::from_utf8(text).ok())
        .map(|text| text.to_lowercase());
    let value = match &text {
        Some(text) => text
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .into_bytes(),
        None => value.whole.to_vec(),
    };
    // What is no text is told apart from text of the same bytes.
    let kind = [kind.whole, &[u8::from(text.is_some())]].concat();
    Some([with_length(&kind), with_length(&value)].concat())
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_be_bytes()[..], bytes].concat()
}

/// The values of every common name, as they stand.
pub fn common_names(name: &X509Name<'_>) -> Vec<Text> {
    name.iter_common_name()
        .map(|attribute| Text(value(attribute).unwrap_or_default().into()))
        .collect()
}

fn attribute_text(text: &mut Vec<u8>, attribute: &AttributeTypeAndValue<'_>) {
    let oid = attribute.attr_type().to_id_string();
    match (keyword(&oid), value(attribute)) {
        (Some(keyword), Some(value)) => {
            text.extend_from_slice(keyword.as_bytes());
            text.push(b'=');
            escape(text, &value);
        }
        (keyword, _) => {
            text.extend_from_slice(keyword.unwrap_or(&oid).as_bytes());
            text.extend_from_slice(b"=#");
            text.extend_from_slice(super::hex(&encoded(attribute)).as_bytes());
        }
    }
}

/// The BER of a value, which the parser gives without its header.
fn encoded(attribute: &AttributeTypeAndValue<'_>) -> Vec<u8> {
    attribute.attr_value().to_der_vec().unwrap_or_default()
}

/// The descriptors that RFC 4514 §3 and RFC 4519 register, and the one of RFC 2985 that certificates use most.
fn keyword(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.13" => "description",
        "2.5.4.15" => "businessCategory",
        "2.5.4.17" => "postalCode",
        "2.5.4.42" => "GN",
        "2.5.4.97" => "organizationIdentifier",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        _ => return None,
    })
}

/// The characters of a string type as UTF-8 where they can be, else the bytes; `None` for what is no string.
fn value(attribute: &AttributeTypeAndValue<'_>) -> Option<Vec<u8>> {
    let value = attribute.attr_value();
    characters(value.tag().0, value.data)
}

fn characters(tag: u32, data: &[u8]) -> Option<Vec<u8>> {
    const UTF8: u32 = 12;
    const NUMERIC: u32 = 18;
    const PRINTABLE: u32 = 19;
    const TELETEX: u32 = 20;
    const IA5: u32 = 22;
    const VISIBLE: u32 = 26;
    const UNIVERSAL: u32 = 28;
    const BMP: u32 = 30;
    match tag {
        UTF8 | NUMERIC | PRINTABLE | IA5 | VISIBLE => Some(data.to_vec()),
        // T.61 in the standard, Latin-1 in every certificate.
        TELETEX => Some(
            data.iter()
                .map(|&octet| octet as char)
                .collect::<String>()
                .into_bytes(),
        ),
        BMP => {
            let units = data.chunks(2).map(|unit| match unit {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => u16::from(u8::MAX),
            });
            Some(
                char::decode_utf16(units)
                    .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect::<String>()
                    .into_bytes(),
            )
        }
        UNIVERSAL => Some(
            data.chunks(4)
                .map(|unit| {
                    <[u8; 4]>::try_from(unit)
                        .ok()
                        .and_then(|unit| char::from_u32(u32::from_be_bytes(unit)))
                        .unwrap_or(char::REPLACEMENT_CHARACTER)
                })
                .collect::<String>()
                .into_bytes(),
        ),
        _ => None,
    }
}

/// RFC 4514 §2.4.
fn escape(text: &mut Vec<u8>, value: &[u8]) {
    let last = value.len().saturating_sub(1);
    for (at, &octet) in value.iter().enumerate() {
        match octet {
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' => text.push(b'\\'),
            b' ' if at == 0 || at == last => text.push(b'\\'),
            b'#' if at == 0 => text.push(b'\\'),
            0 => {
                text.extend_from_slice(b"\\00");
                continue;
            }
            _ => {}
        }
        text.push(octet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::FromDer;

    fn parse(der: &[u8]) -> Text {
        let (_, name) = X509Name::from_der(der).expect("a name");
        text(&name)
    }

    #[test]
    fn the_most_specific_comes_first_and_specials_are_escaped() {
        // C=NL, O="A, B" + CN=" x#"
        let der = [
            &[0x30, 0x26][..],
            &[
                0x31, 0x0b, 0x30, 0x09, 6, 3, 0x55, 4, 6, 0x13, 2, b'N', b'L',
            ],
            &[0x31, 0x17],
            &[
                0x30, 0x0b, 6, 3, 0x55, 4, 10, 0x0c, 4, b'A', b',', b' ', b'B',
            ],
            &[0x30, 0x08, 6, 3, 0x55, 4, 3, 0x16, 1, b'#'],
        ]
        .concat();
        assert_eq!(parse(&der), Text::from("O=A\\, B+CN=\\#,C=NL"));
    }

    #[test]
    fn unknown_types_are_hex_and_old_strings_become_utf_8() {
        let der = [
            &[0x30, 0x1a][..],
            &[
                0x31, 0x0b, 0x30, 0x09, 6, 3, 0x2a, 3, 4, 0x0c, 2, b'h', b'i',
            ],
            &[
                0x31, 0x0b, 0x30, 0x09, 6, 3, 0x55, 4, 3, 0x1e, 2, 0x00, 0xe9,
            ],
        ]
        .concat();
        assert_eq!(parse(&der), Text::from("CN=é,1.2.3.4=#0c026869"));
    }
}
