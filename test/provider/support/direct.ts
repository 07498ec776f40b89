import * as grpc from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as rpc from "@pulumi/pulumi/proto/provider_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";

import type { Reference } from "./cluster";
import { startSubject } from "./subject";

/** Provider arguments as the engine sends them; booleans are `"true"`. */
export interface DirectSettings {
    kubeconfig?: string;
    context?: string;
    namespace?: string;
    enableSecretMutable?: string;
    enableConfigMapMutable?: string;
    upsertExistingObjects?: string;
    /** Not an argument: the environment of the provider. */
    environment?: Record<string, string>;
}

export interface DirectDiff {
    changed: boolean;
    replaces: string[];
    deleteBeforeReplace: boolean;
    /** `kind` or `kind (inputs)` by property path. */
    detailed: Record<string, string>;
}

const KINDS = ["ADD", "ADD_REPLACE", "DELETE", "DELETE_REPLACE", "UPDATE", "UPDATE_REPLACE"];
const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };

/** What the engine sends for a value that is not known yet. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function secret(value: unknown): object {
    return { ...SECRET, value };
}

/** The calls of pulumi's provider protocol with plain objects in and out. */
export class DirectProvider {
    private constructor(
        private readonly client: ResourceProviderClient,
        readonly stop: () => Promise<void>,
    ) {}

    static async start({ environment, ...settings }: DirectSettings): Promise<DirectProvider> {
        const { KUBECONFIG: _ambient, ...ambient } = process.env;
        const subject = await startSubject({ ...ambient, ...environment });
        const client = new ResourceProviderClient(`127.0.0.1:${subject.port}`, grpc.credentials.createInsecure());
        const provider = new DirectProvider(client, async () => {
            client.close();
            await subject.stop();
        });
        const request = new rpc.ConfigureRequest();
        for (const [key, value] of Object.entries(settings)) {
            request.getVariablesMap().set(`kubernetes:config:${key}`, value);
        }
        request.setAcceptsecrets(true);
        await unary(request, client.configure.bind(client));
        return provider;
    }

    async check(
        object: object,
        options: {
            olds?: object;
            seed?: string;
            name?: string;
            autonaming?: [rpc.CheckRequest.AutonamingOptions.Mode, string];
        } = {},
    ): Promise<Record<string, unknown>> {
        const request = new rpc.CheckRequest();
        request.setUrn(urnOf(object as Reference, options.name));
        request.setNews(struct(object));
        request.setOlds(struct(options.olds ?? {}));
        request.setRandomseed(Buffer.from(options.seed ?? "seed"));
        if (options.autonaming) {
            const autonaming = new rpc.CheckRequest.AutonamingOptions();
            autonaming.setMode(options.autonaming[0]);
            autonaming.setProposedName(options.autonaming[1]);
            request.setAutonaming(autonaming);
        }
        const response: rpc.CheckResponse = await unary(request, this.client.check.bind(this.client));
        return plain(response.getInputs());
    }

    async diff(state: object, news: object, ignoreChanges: string[] = []): Promise<DirectDiff> {
        const request = new rpc.DiffRequest();
        request.setUrn(urnOf(news as Reference));
        request.setOlds(struct(state));
        request.setNews(struct(news));
        request.setIgnorechangesList(ignoreChanges);
        const response: rpc.DiffResponse = await unary(request, this.client.diff.bind(this.client));
        const detailed: Record<string, string> = {};
        response.getDetaileddiffMap().forEach((change: rpc.PropertyDiff, path: string) => {
            detailed[path] = `${KINDS[change.getKind()]}${change.getInputdiff() ? " (inputs)" : ""}`;
        });
        return {
            changed: response.getChanges() === rpc.DiffResponse.DiffChanges.DIFF_SOME,
            replaces: response.getReplacesList().sort(),
            deleteBeforeReplace: response.getDeletebeforereplace(),
            detailed,
        };
    }

    async diffConfig(olds: object, news: object): Promise<{ diffs: string[]; replaces: string[] }> {
        const request = new rpc.DiffRequest();
        request.setUrn("urn:pulumi:test::test::pulumi:providers:kubernetes::cluster");
        request.setOlds(struct(olds));
        request.setNews(struct(news));
        const response: rpc.DiffResponse = await unary(request, this.client.diffConfig.bind(this.client));
        return { diffs: response.getDiffsList().sort(), replaces: response.getReplacesList() };
    }

    async create(
        object: object,
        options: { preview?: boolean; timeout?: number } = {},
    ): Promise<{ id: string; outputs: Record<string, unknown> }> {
        const request = new rpc.CreateRequest();
        request.setUrn(urnOf(object as Reference));
        request.setProperties(struct(object));
        request.setPreview(options.preview ?? false);
        request.setTimeout(options.timeout ?? 0);
        const response: rpc.CreateResponse = await unary(request, this.client.create.bind(this.client));
        return { id: response.getId(), outputs: plain(response.getProperties()) };
    }

    async read(reference: Reference, id: string, state: object = {}, inputs: object = {}): Promise<ReadResult> {
        const request = new rpc.ReadRequest();
        request.setId(id);
        request.setUrn(urnOf(reference));
        request.setProperties(struct(state));
        request.setInputs(struct(inputs));
        const response: rpc.ReadResponse = await unary(request, this.client.read.bind(this.client));
        return { id: response.getId(), outputs: plain(response.getProperties()), inputs: plain(response.getInputs()) };
    }

    async delete(reference: Reference, id: string, state: object): Promise<void> {
        const request = new rpc.DeleteRequest();
        request.setId(id);
        request.setUrn(urnOf(reference));
        request.setProperties(struct(state));
        await unary(request, this.client.delete.bind(this.client));
    }

    async cancel(): Promise<void> {
        await unary(new Empty(), this.client.cancel.bind(this.client));
    }
}

export interface ReadResult {
    id: string;
    outputs: Record<string, unknown>;
    inputs: Record<string, unknown>;
}

function urnOf({ apiVersion, kind }: Reference, name = "logical"): string {
    const groupVersion = apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`;
    return `urn:pulumi:test::test::kubernetes:${groupVersion}:${kind}::${name}`;
}

function struct(object: object): Struct {
    return Struct.fromJavaScript(object as { [key: string]: JavaScriptValue });
}

function plain(properties: Struct | undefined): Record<string, unknown> {
    return properties?.toJavaScript() ?? {};
}

function unary<Request, Response>(
    request: Request,
    call: (request: Request, callback: (error: grpc.ServiceError | null, response: Response) => void) => unknown,
): Promise<Response> {
    return new Promise((resolve, reject) => {
        call(request, (error, response) => (error ? reject(new Error(error.details)) : resolve(response)));
    });
}
