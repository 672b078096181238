//! The files of `templates/`, in the program.

macro_rules! files {
    ($($name:literal)*) => {
        /// Name and text of each.
        pub(super) const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../templates/", $name)))),*];
    };
}

files! {
    "alert_file.de.txt"
    "alert_file.en.txt"
    "alert_file.es.txt"
    "alert_file.fr.txt"
    "alert_partners.de.txt"
    "alert_partners.en.txt"
    "alert_partners.es.txt"
    "alert_partners.fr.txt"
    "layout.html"
    "layout.txt"
    "order_cancelled.de.txt"
    "order_cancelled.en.txt"
    "order_cancelled.es.txt"
    "order_cancelled.fr.txt"
    "order_confirmed.de.txt"
    "order_confirmed.en.txt"
    "order_confirmed.es.txt"
    "order_confirmed.fr.txt"
    "order_out_of_stock.de.txt"
    "order_out_of_stock.en.txt"
    "order_out_of_stock.es.txt"
    "order_out_of_stock.fr.txt"
    "order_refused.de.txt"
    "order_refused.en.txt"
    "order_refused.es.txt"
    "order_refused.fr.txt"
    "return_cancelled.de.txt"
    "return_cancelled.en.txt"
    "return_cancelled.es.txt"
    "return_cancelled.fr.txt"
    "return_confirmed.de.txt"
    "return_confirmed.en.txt"
    "return_confirmed.es.txt"
    "return_confirmed.fr.txt"
    "return_refused.de.txt"
    "return_refused.en.txt"
    "return_refused.es.txt"
    "return_refused.fr.txt"
    "words.de.txt"
    "words.en.txt"
    "words.es.txt"
    "words.fr.txt"
}
