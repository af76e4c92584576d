// A PLC that nobody here wrote: one encrypted server with trust lists, user names and the tags of `VisIf`.
import { DataType, MessageSecurityMode, OPCUAServer, SecurityPolicy, Variant } from "node-opcua";
import { trustStore } from "./trust.mjs";

const { port, home, uri, store, trusted, issuers, crls, namespace, tags, users } = JSON.parse(process.argv[2]);
const server = new OPCUAServer({
    port,
    hostname: "127.0.0.1",
    resourcePath: "/plc",
    serverInfo: { applicationUri: uri },
    certificateFile: `${home}/own/certificate.der`,
    privateKeyFile: `${home}/own/private-key.pem`,
    serverCertificateManager: await trustStore(store, { trusted, issuers, crls }),
    securityPolicies: [SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes256_Sha256_RsaPss],
    securityModes: [MessageSecurityMode.SignAndEncrypt],
    allowAnonymous: false,
    userManager: { isValidUser: (name, password) => users[name] === password },
});
await server.initialize();
const space = server.engine.addressSpace;
const own = space.registerNamespace(namespace);
for (const [name, type] of Object.entries(tags)) {
    let value = type === "String" ? "" : type === "Boolean" ? false : 0;
    own.addVariable({
        organizedBy: space.rootFolder.objects,
        browseName: name,
        nodeId: `s=${name}`,
        dataType: type,
        minimumSamplingInterval: 20,
        value: {
            get: () => new Variant({ dataType: DataType[type], value }),
            set: (given) => ((value = given.value), undefined),
        },
    });
}
await server.start();
process.stdout.write("READY\n");
process.stdin.on("end", () => process.exit(0)).resume();
