// Runs a command in a container with the official JavaScript client:
//
//	node exec.mjs '{"namespace":…,"pod":…,"command":[…],"stdin":true,"protocols":[…]}'
//
// KUBECONFIG names the cluster. Standard input, output and error are the command's, and so is the exit code; 125 means that
// the session was refused or failed, and 126 that the connection closed without a status. `protocols` replaces those that
// the client offers.
import { Exec, KubeConfig } from '@kubernetes/client-node';
import WebSocket from 'ws';

const asked = JSON.parse(process.argv[2]);
const config = new KubeConfig();
config.loadFromDefault();

const exec = new Exec(config);
// The client reports a refused upgrade as a number only; its socket knows the body of the answer.
exec.handler.socketFactory = (uri, protocols, options) => {
    const socket = new WebSocket(uri, asked.protocols ?? protocols, options);
    socket.on('unexpected-response', (_, response) => {
        let body = '';
        response.on('data', (part) => (body += part));
        response.on('end', () => end(125, `${response.statusCode}: ${body}`));
    });
    return socket;
};

let code = 126;

function end(exitCode, message) {
    process.stderr.write(`${message}\n`);
    process.exitCode = exitCode;
    process.stdin.destroy();
}

function onStatus(status) {
    const exit = status.details?.causes?.find((cause) => cause.reason === 'ExitCode');
    code = status.status === 'Success' ? 0 : exit ? Number(exit.message) : 125;
    if (code === 125) {
        process.stderr.write(`${status.message}\n`);
    }
}

try {
    const stdin = asked.stdin ? process.stdin : null;
    const socket = await exec.exec(asked.namespace, asked.pod, asked.container ?? '', asked.command, process.stdout, process.stderr, stdin, false, onStatus);
    socket.onclose = () => {
        process.exitCode = code;
        process.stdin.destroy();
    };
} catch (error) {
    if (process.exitCode === undefined) {
        end(125, error.message);
    }
}
