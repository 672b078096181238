//! Decides which addresses are public.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv6 addresses that a NAT64 gateway translates to the IPv4 address in their last 32 bits.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0], 96);
/// All addresses assigned for global unicast.
const UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0], 3);

/// IANA's registry of special IPv4 addresses, and multicast.
const SPECIAL_V4: &[(Ipv4Net, &str)] = &[
    (v4([0, 0, 0, 0], 8), "an unspecified address"),
    (v4([10, 0, 0, 0], 8), "a private address"),
    (v4([100, 64, 0, 0], 10), "a shared address of a provider's own network"),
    (v4([127, 0, 0, 0], 8), "a loopback address"),
    (v4([169, 254, 0, 0], 16), "a link-local address"),
    (v4([172, 16, 0, 0], 12), "a private address"),
    (v4([192, 0, 0, 0], 24), "a special-purpose address"),
    (v4([192, 0, 2, 0], 24), "a documentation address"),
    (v4([192, 31, 196, 0], 24), "a special-purpose address"),
    (v4([192, 52, 193, 0], 24), "a special-purpose address"),
    (v4([192, 88, 99, 0], 24), "a 6to4 relay address"),
    (v4([192, 168, 0, 0], 16), "a private address"),
    (v4([192, 175, 48, 0], 24), "a special-purpose address"),
    (v4([198, 18, 0, 0], 15), "a benchmarking address"),
    (v4([198, 51, 100, 0], 24), "a documentation address"),
    (v4([203, 0, 113, 0], 24), "a documentation address"),
    (v4([224, 0, 0, 0], 4), "a multicast address"),
    (v4([240, 0, 0, 0], 4), "a reserved address"),
];

/// IANA's special IPv6 addresses within [`UNICAST`].
const SPECIAL_V6: &[(Ipv6Net, &str)] = &[
    (v6([0x2001, 0, 0, 0], 32), "a Teredo tunnel's address"),
    (v6([0x2001, 0, 0, 0], 23), "a special-purpose address"),
    (v6([0x2001, 0xdb8, 0, 0], 32), "a documentation address"),
    (v6([0x2002, 0, 0, 0], 16), "a 6to4 tunnel's address"),
    (v6([0x2620, 0x4f, 0x8000, 0], 48), "a special-purpose address"),
    (v6([0x3fff, 0, 0, 0], 20), "a documentation address"),
];

/// Only for error messages: everything outside [`UNICAST`] is refused.
const OUTSIDE_V6: &[(Ipv6Net, &str)] = &[
    (v6([0xfc00, 0, 0, 0], 7), "a private address"),
    (v6([0xfe80, 0, 0, 0], 10), "a link-local address"),
    (v6([0xff00, 0, 0, 0], 8), "a multicast address"),
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c, d]: [u16; 4], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix)
}

/// Describes `address` if it is not a public unicast address. An IPv4 address written as IPv6
/// (`::ffff:…`) or behind NAT64 is checked as that IPv4 address.
pub(crate) fn special(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            SPECIAL_V4.iter().find(|(net, _)| net.contains(&v4)).map(|(_, what)| *what)
        }
        IpAddr::V6(v6) if v6.is_loopback() => Some("a loopback address"),
        IpAddr::V6(v6) if NAT64.contains(&v6) => {
            let [.., a, b, c, d] = v6.octets();
            special(IpAddr::from([a, b, c, d]))
        }
        IpAddr::V6(v6) => {
            let listed = SPECIAL_V6.iter().chain(OUTSIDE_V6).find(|(net, _)| net.contains(&v6));
            let listed = listed.map(|(_, what)| *what);
            listed.or_else(|| (!UNICAST.contains(&v6)).then_some("not a public unicast address"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipnet::IpNet;
    use proptest::prelude::*;

    /// Both registries as published by IANA, without NAT64 and mapped addresses, and multicast.
    const REGISTRY: &str = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 \
        192.0.0.0/24 192.0.0.0/29 192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.2.0/24 \
        192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 \
        198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 255.255.255.255/32 224.0.0.0/4 \
        ::1/128 ::/128 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128 \
        2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 \
        2001:30::/28 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 \
        fec0::/10 ff00::/8";

    fn registry() -> Vec<IpNet> {
        REGISTRY.split_whitespace().map(|net| net.parse().unwrap()).collect()
    }

    /// Random addresses, and as many inside the networks of the registry and at their edges.
    fn addresses() -> impl Strategy<Value = IpAddr> {
        let near = (0..registry().len(), any::<u128>(), 0..4_u8).prop_map(|(net, any, place)| {
            let net = registry()[net];
            let (first, last) = (net.network(), net.broadcast());
            match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    let (first, last) = (u32::from(first), u32::from(last));
                    let inside = first + u32::try_from(any % u128::from(last - first + 1)).unwrap();
                    let places = [first.wrapping_sub(1), first, last.wrapping_add(1), inside];
                    IpAddr::from(Ipv4Addr::from(places[usize::from(place)]))
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    let (first, last) = (u128::from(first), u128::from(last));
                    let inside = first + any % (last - first + 1);
                    let places = [first.wrapping_sub(1), first, last.wrapping_add(1), inside];
                    IpAddr::from(Ipv6Addr::from(places[usize::from(place)]))
                }
                _ => unreachable!("a network is of one family"),
            }
        });
        let v4 = any::<[u8; 4]>().prop_map(IpAddr::from);
        prop_oneof![v4, any::<[u8; 16]>().prop_map(IpAddr::from), near]
    }

    /// The address with this prefix and the IPv4 address in its last 32 bits.
    fn embedded(prefix: &str, v4: Ipv4Addr) -> IpAddr {
        let prefix: Ipv6Addr = prefix.parse().unwrap();
        IpAddr::from(Ipv6Addr::from(u128::from(prefix) | u128::from(u32::from(v4))))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn public_addresses_are_in_no_special_range(address in addresses()) {
            if special(address).is_none() {
                prop_assert!(registry().iter().all(|net| !net.contains(&address)), "{address}");
                prop_assert!(!address.is_loopback() && !address.is_multicast());
                prop_assert!(!address.is_unspecified());
            } else if address.is_ipv4() {
                prop_assert!(registry().iter().any(|net| net.contains(&address)), "{address}");
            }
            if let IpAddr::V4(v4) = address {
                for prefix in ["::ffff:0:0", "64:ff9b::"] {
                    prop_assert_eq!(special(embedded(prefix, v4)), special(address));
                }
                prop_assert!(special(embedded("::", v4)).is_some());
            }
        }
    }

    #[test]
    fn well_known_public_addresses_are_public() {
        for address in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"] {
            assert_eq!(special(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn tunnels_are_not_public() {
        for (address, what) in [
            ("2001:0:5ef5:79fb::1", "a Teredo tunnel's address"),
            ("2002:a00:1::1", "a 6to4 tunnel's address"),
            ("64:ff9b::a9fe:a9fe", "a link-local address"),
            ("::ffff:127.0.0.1", "a loopback address"),
            ("fd00::1", "a private address"),
            ("4000::1", "not a public unicast address"),
        ] {
            assert_eq!(special(address.parse().unwrap()), Some(what), "{address}");
        }
    }
}
