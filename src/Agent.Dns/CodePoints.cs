namespace Agent.Dns;

/// <summary>RCODEs (IANA DNS parameters). Values above 15 need an OPT record (RFC 6891 section 6.1.3).</summary>
public enum ResponseCode : byte
{
    NoError = 0,
    FormErr = 1,
    ServFail = 2,
    NxDomain = 3,
    NotImp = 4,
    Refused = 5,
    BadVers = 16,
}

/// <summary>Record types that this code treats in a way of their own; all others are opaque (RFC 3597).</summary>
public static class RecordType
{
    public const ushort A = 1;
    public const ushort Ns = 2;
    public const ushort Md = 3;
    public const ushort Mf = 4;
    public const ushort Cname = 5;
    public const ushort Soa = 6;
    public const ushort Mb = 7;
    public const ushort Mg = 8;
    public const ushort Mr = 9;
    public const ushort Ptr = 12;
    public const ushort Minfo = 14;
    public const ushort Mx = 15;
    public const ushort Txt = 16;
    public const ushort Hinfo = 13;
    public const ushort Rp = 17;
    public const ushort Afsdb = 18;
    public const ushort Rt = 21;
    public const ushort Px = 26;
    public const ushort Aaaa = 28;
    public const ushort Srv = 33;
    public const ushort Naptr = 35;
    public const ushort Kx = 36;
    public const ushort Dname = 39;
    public const ushort Opt = 41;
    public const ushort Rrsig = 46;
    public const ushort Nsec = 47;
    public const ushort Nsec3 = 50;
    public const ushort Svcb = 64; // RFC 9460
    public const ushort Https = 65;
    public const ushort Ixfr = 251;
    public const ushort Axfr = 252;
    public const ushort Any = 255;
}

/// <summary>Extended DNS errors (RFC 8914 section 5.2).</summary>
public enum ExtendedError : ushort
{
    None = ushort.MaxValue,
    StaleAnswer = 3,
    CachedError = 13,
    Prohibited = 18,
    StaleNxDomainAnswer = 19,
    NotAuthoritative = 20,
    NotSupported = 21,
    NoReachableAuthority = 22,
}
