// A client that nobody here wrote. Takes one JSON command a line on stdin, says one JSON answer a line on stdout.
import readline from "node:readline";
import {
    AttributeIds, ClientMonitoredItem, ClientSubscription, DataType, MessageSecurityMode, OPCUAClient, SecurityPolicy,
    TimestampsToReturn, UserTokenType, constructEventFilter, makeBrowsePath, resolveNodeId,
} from "node-opcua";
import { readFileSync } from "node:fs";
import { plain, trustStore } from "./trust.mjs";

let client, session, subscription;
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

async function created({ home, uri, policy, store, trusted, issuers, crls, naked }) {
    return OPCUAClient.create({
        applicationName: "independent client",
        applicationUri: uri,
        certificateFile: `${home}/own/certificate.der`,
        privateKeyFile: `${home}/own/private-key.pem`,
        clientCertificateManager: await trustStore(store, { trusted, issuers, crls }),
        securityMode: naked ? MessageSecurityMode.None : MessageSecurityMode.SignAndEncrypt,
        securityPolicy: naked ? SecurityPolicy.None : SecurityPolicy[policy],
        endpointMustExist: false,
        requestedSessionTimeout: 30000,
        connectionStrategy: { maxRetry: 0 },
    });
}

const commands = {
    async endpoints(peer) {
        client = await created({ ...peer, naked: true });
        await client.connect(peer.url);
        const found = await client.getEndpoints();
        return found.map((e) => [e.securityPolicyUri.split("#")[1], MessageSecurityMode[e.securityMode]]);
    },
    async connect({ user, password, userCertificate, userKey, ...peer }) {
        client = await created(peer);
        await client.connect(peer.url);
        if (userCertificate) {
            const [certificateData, privateKey] = [readFileSync(userCertificate), readFileSync(userKey, "utf8")];
            session = await client.createSession({ type: UserTokenType.Certificate, certificateData, privateKey });
        } else if (user) {
            session = await client.createSession({ type: UserTokenType.UserName, userName: user, password });
        } else {
            session = await client.createSession({ type: UserTokenType.Anonymous });
        }
        return "connected";
    },
    async index({ uri }) {
        return (await session.readNamespaceArray()).indexOf(uri);
    },
    async browse({ node }) {
        const found = await session.browse(node);
        return found.references.map((r) => [r.browseName.name, r.nodeId.toString()]);
    },
    async read({ node }) {
        const found = await session.read({ nodeId: node, attributeId: AttributeIds.Value });
        return { value: plain(found.value?.value), status: found.statusCode.name, type: DataType[found.value?.dataType] };
    },
    async write({ node, type, value }) {
        const status = await session.write({
            nodeId: node, attributeId: AttributeIds.Value, value: { value: { dataType: DataType[type], value } },
        });
        return status.name;
    },
    async call({ object, method, inputs = [] }) {
        const { inputArguments } = await session.getArgumentDefinition(method);
        const given = await Promise.all(inputs.map(async (value, i) => {
            const { dataType } = inputArguments[i];
            return dataType.namespace === 0
                ? { dataType: dataType.value, value }
                : { dataType: DataType.ExtensionObject, value: await session.constructExtensionObject(dataType, value) };
        }));
        const result = await session.call({ objectId: object, methodId: method, inputArguments: given });
        return { status: result.statusCode.name, outputs: (result.outputArguments ?? []).map((one) => plain(one.value)) };
    },
    async subscribe() {
        subscription = ClientSubscription.create(session, {
            requestedPublishingInterval: 50, requestedMaxKeepAliveCount: 20, requestedLifetimeCount: 200,
            maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 1,
        });
        await new Promise((done, fail) => subscription.once("started", done).once("internal_error", fail));
        return "subscribed";
    },
    async watch({ node }) {
        const item = ClientMonitoredItem.create(subscription, { nodeId: node, attributeId: AttributeIds.Value },
            { samplingInterval: 0, queueSize: 100, discardOldest: true }, TimestampsToReturn.Both);
        item.on("changed", (data) => say({ changed: node, value: plain(data.value.value) }));
        await new Promise((done, fail) => item.once("initialized", done).once("err", fail));
        return "watching";
    },
    async events({ node, type, fields }) {
        const filter = constructEventFilter(fields, [resolveNodeId(type)]);
        const item = ClientMonitoredItem.create(subscription, { nodeId: node, attributeId: AttributeIds.EventNotifier },
            { samplingInterval: 0, queueSize: 100, discardOldest: true, filter });
        item.on("changed", (values) =>
            say({ event: Object.fromEntries(fields.map((name, i) => [name, plain(values[i].value)])) }));
        await new Promise((done, fail) => item.once("initialized", done).once("err", fail));
        return "listening";
    },
    async disconnect() {
        await session?.close(true).catch(() => {});
        await client?.disconnect();
        session = client = subscription = undefined;
        return "disconnected";
    },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    try {
        say({ answer: await commands[command.do](command) });
    } catch (error) {
        say({ error: error.message });
    }
}
process.exit(0);
