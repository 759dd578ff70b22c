# A made survey of n domains: a quarter of them at large hosts, the others at one of n/10 servers of their own.
function hex(value, width,  text) { text = sprintf("%x", value); while (length(text) < width) text = "0" text; return text }
function stamp(at) { return sprintf("2026-01-01T%02d:%02d:%02d.%03dZ", at / 3600000 % 24, at / 60000 % 60, at / 1000 % 60, at % 1000) }
BEGIN {
  srand(7); servers = int(n / 10) + 1; run = "\"run\":\"00000000000000aa\""
  for (i = 0; i < n; i++) {
    name = "name" hex(i, 1) ".example"; time = stamp(i)
    printf "{\"type\":\"listed\",\"source\":\"top\",\"domain\":\"%s\",\"rank\":%d,%s}\n", name, i + 1, run
    if (rand() < 0.25) { k = int(rand() * 20); exchange = "mx" k ".host.example"; operator = "host.example" }
    else { k = 20 + int(rand() * servers); exchange = "mail." name; operator = name }
    ip = sprintf("11.%d.%d.%d", 64 + int(k / 65536), int(k / 256) % 256, k % 256)
    printf "{\"type\":\"domain\",\"domain\":\"%s\",\"outcome\":{\"phase\":\"done\",\"reason\":\"ok\"},\"implicit_mx\":false,\"null_mx\":false,\"mx\":[{\"exchange\":\"%s\",\"preference\":10,\"registered_domain\":\"%s\",\"addresses\":[{\"ip\":\"%s\"}],\"ipv4\":{\"phase\":\"done\",\"reason\":\"ok\"},\"ipv6\":{\"phase\":\"dns\",\"reason\":\"no_data\"},\"dnssec\":\"insecure\"}],\"dnssec\":\"insecure\",\"questions\":3,\"time\":\"%s\",\"elapsed_ms\":12,%s}\n", name, exchange, operator, ip, time, run
    if (k in seen) continue
    seen[k] = 1
    printf "{\"type\":\"smtp\",\"ip\":\"%s\",\"port\":25,\"for\":{\"domain\":\"%s\",\"exchange\":\"%s\"},\"outcome\":{\"phase\":\"done\",\"reason\":\"ok\"},\"esmtp\":true,\"starttls\":{\"advertised\":true,\"accepted\":true,\"reply\":{\"code\":220,\"lines\":[\"go ahead\"]}},\"banner\":{\"code\":220,\"lines\":[\"%s ESMTP Postfix\"]},\"ehlo\":{\"code\":250,\"lines\":[\"%s\",\"PIPELINING\",\"SIZE 10240000\",\"STARTTLS\"]},\"capabilities\":{\"host\":\"%s\",\"keywords\":[{\"keyword\":\"PIPELINING\"},{\"keyword\":\"SIZE\",\"parameters\":\"10240000\"},{\"keyword\":\"STARTTLS\"}],\"size\":10240000},\"software\":\"Postfix\",\"connections\":1,\"attempts\":1,\"timings\":{\"connect_ms\":3,\"banner_ms\":20,\"total_ms\":60},\"connected\":\"%s\",\"time\":\"%s\",%s}\n", ip, name, exchange, exchange, exchange, exchange, time, time, run
    sha = hex(k + 1, 64); der = sprintf("%1200s", ""); gsub(/ /, "A", der)
    printf "{\"type\":\"cert\",\"sha256\":\"%s\",\"der\":\"%s\",\"subject\":\"CN=%s\",\"issuer\":\"CN=R3\",\"serial\":\"01\",\"not_before\":\"2026-01-01T00:00:00Z\",\"not_after\":\"2026-04-01T00:00:00Z\",\"common_names\":[\"%s\"],\"names\":[\"%s\"],\"key_type\":\"rsa\",\"key_bits\":2048,\"spki_sha256\":\"%s\",\"signature_algorithm\":\"sha256WithRSAEncryption\",\"self_issued\":false,\"self_signed\":false,\"ca\":false,\"must_staple\":false,\"scts\":2,\"x509_version\":3,\"time\":\"%s\",%s}\n", sha, der, exchange, exchange, exchange, sha, time, run
    printf "{\"type\":\"tls\",\"ip\":\"%s\",\"port\":25,\"server_name\":\"%s\",\"outcome\":{\"phase\":\"done\",\"reason\":\"ok\"},\"accepted\":true,\"negotiated\":true,\"completed\":true,\"version\":\"TLSv1.3\",\"cipher\":{\"iana\":\"TLS_AES_256_GCM_SHA384\",\"openssl\":\"TLS_AES_256_GCM_SHA384\",\"id\":\"0x1302\",\"bits\":256},\"group\":\"x25519\",\"ocsp_stapled\":false,\"secure_renegotiation\":null,\"extended_master_secret\":null,\"compression\":false,\"client_certificate_requested\":false,\"chain\":[\"%s\"],\"verdicts\":[{\"store\":\"mozilla\",\"store_date\":\"2026\",\"at\":\"%s\",\"valid\":true,\"reason\":\"valid\"}],\"connections\":1,\"attempts\":1,\"timings\":{\"handshake_ms\":30},\"connected\":\"%s\",\"time\":\"%s\",%s}\n", ip, exchange, sha, time, time, time, run
  }
}
