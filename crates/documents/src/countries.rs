//! Names of countries on letters that cross a border: as the sender's language calls them, in capitals, by the rules of
//! the Universal Postal Union. A country that is not listed is shown by its code.

use domain::seller::Language;

/// Code; French, German, Spanish, English.
const NAMES: &[(&str, [&str; 4])] = &[
    ("AD", ["Andorre", "Andorra", "Andorra", "Andorra"]),
    ("AT", ["Autriche", "Österreich", "Austria", "Austria"]),
    ("AU", ["Australie", "Australien", "Australia", "Australia"]),
    ("BE", ["Belgique", "Belgien", "Bélgica", "Belgium"]),
    ("BG", ["Bulgarie", "Bulgarien", "Bulgaria", "Bulgaria"]),
    ("CA", ["Canada", "Kanada", "Canadá", "Canada"]),
    ("CH", ["Suisse", "Schweiz", "Suiza", "Switzerland"]),
    ("CY", ["Chypre", "Zypern", "Chipre", "Cyprus"]),
    ("CZ", ["Tchéquie", "Tschechien", "Chequia", "Czechia"]),
    ("DE", ["Allemagne", "Deutschland", "Alemania", "Germany"]),
    ("DK", ["Danemark", "Dänemark", "Dinamarca", "Denmark"]),
    ("DZ", ["Algérie", "Algerien", "Argelia", "Algeria"]),
    ("EE", ["Estonie", "Estland", "Estonia", "Estonia"]),
    ("ES", ["Espagne", "Spanien", "España", "Spain"]),
    ("FI", ["Finlande", "Finnland", "Finlandia", "Finland"]),
    ("FR", ["France", "Frankreich", "Francia", "France"]),
    ("GB", ["Royaume-Uni", "Vereinigtes Königreich", "Reino Unido", "United Kingdom"]),
    ("GR", ["Grèce", "Griechenland", "Grecia", "Greece"]),
    ("HR", ["Croatie", "Kroatien", "Croacia", "Croatia"]),
    ("HU", ["Hongrie", "Ungarn", "Hungría", "Hungary"]),
    ("IE", ["Irlande", "Irland", "Irlanda", "Ireland"]),
    ("IT", ["Italie", "Italien", "Italia", "Italy"]),
    ("JP", ["Japon", "Japan", "Japón", "Japan"]),
    ("LI", ["Liechtenstein", "Liechtenstein", "Liechtenstein", "Liechtenstein"]),
    ("LT", ["Lituanie", "Litauen", "Lituania", "Lithuania"]),
    ("LU", ["Luxembourg", "Luxemburg", "Luxemburgo", "Luxembourg"]),
    ("LV", ["Lettonie", "Lettland", "Letonia", "Latvia"]),
    ("MA", ["Maroc", "Marokko", "Marruecos", "Morocco"]),
    ("MC", ["Monaco", "Monaco", "Mónaco", "Monaco"]),
    ("MT", ["Malte", "Malta", "Malta", "Malta"]),
    ("MX", ["Mexique", "Mexiko", "México", "Mexico"]),
    ("NL", ["Pays-Bas", "Niederlande", "Países Bajos", "Netherlands"]),
    ("NO", ["Norvège", "Norwegen", "Noruega", "Norway"]),
    ("PL", ["Pologne", "Polen", "Polonia", "Poland"]),
    ("PT", ["Portugal", "Portugal", "Portugal", "Portugal"]),
    ("RO", ["Roumanie", "Rumänien", "Rumanía", "Romania"]),
    ("SE", ["Suède", "Schweden", "Suecia", "Sweden"]),
    ("SI", ["Slovénie", "Slowenien", "Eslovenia", "Slovenia"]),
    ("SK", ["Slovaquie", "Slowakei", "Eslovaquia", "Slovakia"]),
    ("TN", ["Tunisie", "Tunesien", "Túnez", "Tunisia"]),
    ("US", ["États-Unis", "Vereinigte Staaten", "Estados Unidos", "United States"]),
];

/// The name of a country as the last line of an address.
pub(crate) fn country(code: &str, language: Language) -> String {
    let [fr, de, es, en] = match NAMES.iter().find(|(known, _)| *known == code) {
        Some((_, names)) => *names,
        None => [code; 4],
    };
    let name = match language {
        Language::Fr => fr,
        Language::De => de,
        Language::Es => es,
        Language::En => en,
    };
    name.to_uppercase()
}

/// The lines of postal code, town and region, in the order of the country.
pub(crate) fn town(code: &str, city: &str, region: &str, country: &str) -> Vec<String> {
    let line = |parts: &[&str]| parts.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = match country {
        "GB" => vec![line(&[city]), line(&[region]), line(&[code])],
        "US" | "CA" | "AU" => vec![line(&[city, region, code])],
        _ => vec![line(&[code, city, region])],
    };
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_their_country_does() {
        assert_eq!(town("75002", "Paris", "", "FR"), ["75002 Paris"]);
        assert_eq!(town("BS1 4DJ", "Bristol", "", "GB"), ["Bristol", "BS1 4DJ"]);
        assert_eq!(town("10001", "New York", "NY", "US"), ["New York NY 10001"]);
        assert_eq!(country("CH", Language::De), "SCHWEIZ");
        assert_eq!(country("ZZ", Language::De), "ZZ");
    }

    #[test]
    fn countries_are_in_the_order_of_their_codes() {
        assert!(NAMES.is_sorted_by(|(one, _), (other, _)| one < other));
    }
}
