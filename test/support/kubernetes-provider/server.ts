import * as grpc from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { type IResourceProviderServer, ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { CheckResponse, ConfigureResponse, ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";

import { check } from "./check";
import { create } from "./create";
import { remove } from "./delete";
import { diff } from "./diff";
import { InitializationError, messageOf } from "./errors";
import { ProviderInstance } from "./instance";
import { diffConfig, settingsFrom } from "./provider-config";
import { read } from "./read";
import { update } from "./update";
import { toStruct } from "./values";

// The version of upstream whose behaviour this is, which is also the SDK's.
const UPSTREAM_VERSION = "4.34.2";
const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;

/** The gRPC server; closing it cancels what its instances have under way. */
export function makeServer(environment: NodeJS.ProcessEnv): { server: grpc.Server; close: () => void } {
    // The engine opens one connection for every provider instance of a run, and nothing in its later calls says which
    // instance is meant. So the peer is what tells the instances apart.
    const instances = new Map<string, ProviderInstance>();
    const instanceOf = (call: { getPeer(): string }): ProviderInstance => {
        const peer = call.getPeer();
        let instance = instances.get(peer);
        if (!instance) {
            instance = new ProviderInstance();
            instances.set(peer, instance);
        }
        return instance;
    };

    const handle =
        <Request, Response>(
            handler: (instance: ProviderInstance, request: Request) => Response | Promise<Response>,
        ): grpc.handleUnaryCall<Request, Response> =>
        (call, callback) => {
            Promise.resolve()
                .then(() => handler(instanceOf(call), call.request))
                .then(
                    (response) => callback(null, response),
                    (error: unknown) => callback(serviceError(error)),
                );
        };
    const unsupported = (_call: unknown, callback: grpc.sendUnaryData<never>): void =>
        callback({ code: grpc.status.UNIMPLEMENTED, details: "not part of the stand-in for tests" });

    const service: Omit<IResourceProviderServer, "list"> = {
        attach: handle((instance, request) => {
            instance.attach(request.getAddress(), grpc.credentials.createInsecure());
            return new Empty();
        }),
        getPluginInfo: handle(() => {
            const info = new PluginInfo();
            info.setVersion(UPSTREAM_VERSION);
            return info;
        }),
        checkConfig: handle((_instance, request) => {
            const response = new CheckResponse();
            response.setInputs(request.getNews());
            return response;
        }),
        diffConfig: handle((_instance, request) => diffConfig(request)),
        configure: handle(async (instance, request) => {
            await instance.configure(settingsFrom(request, environment), environment);
            const response = new ConfigureResponse();
            response.setAcceptsecrets(true);
            response.setSupportspreview(true);
            response.setSupportsAutonamingConfiguration(true);
            return response;
        }),
        check: handle(check),
        diff: handle(diff),
        create: handle(create),
        read: handle(read),
        update: handle(update),
        delete: handle(async (instance, request) => {
            await remove(instance, request);
            return new Empty();
        }),
        cancel: handle((instance) => {
            instance.cancel();
            return new Empty();
        }),
        handshake: unsupported,
        parameterize: unsupported,
        getSchema: unsupported,
        invoke: unsupported,
        call: unsupported,
        construct: unsupported,
        getMapping: unsupported,
        getMappings: unsupported,
    };
    const server = new grpc.Server({
        "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
        "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    });
    server.addService(ResourceProviderService, service);
    const close = (): void => {
        instances.forEach((instance) => instance.close());
        server.forceShutdown();
    };
    return { server, close };
}

/** An error as the engine reads it; a failed initialization carries the state that it must save. */
function serviceError(error: unknown): Partial<grpc.StatusObject> {
    const details = messageOf(error);
    if (!(error instanceof InitializationError)) {
        return { code: grpc.status.UNKNOWN, details };
    }
    const failure = new ErrorResourceInitFailed();
    failure.setId(error.id);
    failure.setProperties(toStruct(error.properties));
    failure.setReasonsList(error.reasons);
    if (error.inputs) {
        failure.setInputs(toStruct(error.inputs));
    }
    const any = new Any();
    any.pack(failure.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const status = new Status();
    status.setCode(grpc.status.UNKNOWN);
    status.setMessage(details);
    status.addDetails(any);
    const metadata = new grpc.Metadata();
    metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
    return { code: grpc.status.UNKNOWN, details, metadata };
}
