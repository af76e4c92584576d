// A node-opcua trust store filled from files, and node-opcua's values as plain JSON.
import { readFileSync } from "node:fs";
import { OPCUACertificateManager, Variant } from "node-opcua";

export async function trustStore(rootFolder, { trusted = [], issuers = [], crls = [] }) {
    const store = new OPCUACertificateManager({
        rootFolder, automaticallyAcceptUnknownCertificate: false, disableFileWatchers: true,
    });
    await store.initialize();
    for (const file of issuers) await store.addIssuer(readFileSync(file));
    for (const file of crls) await store.addRevocationList(readFileSync(file));
    for (const file of trusted) await store.trustCertificate(readFileSync(file));
    return store;
}

export function plain(value) {
    return JSON.parse(JSON.stringify(value ?? null, function (key, one) {
        if (this[key] instanceof Variant) return plain(this[key].value);
        return typeof one === "bigint" ? Number(one) : one;
    }));
}
