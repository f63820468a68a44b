<?php
// Receive webhooks with PHP alone.

declare(strict_types=1);

// Whether these raw bytes were signed with the secret, within five minutes of now.
function is_ours(string $id, string $timestamp, string $signatures, string $body, string $key): bool
{
    if (!preg_match('/^\d+\z/', $timestamp) || abs(time() - (int) $timestamp) > 300) {
        return false;
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    foreach (explode(' ', $signatures) as $given) {
        if (hash_equals($expected, $given)) {
            return true;
        }
    }
    return false;
}

// One file for each event: a repeat finds it there. Renamed when complete, so that nobody reads half of it.
function keep(string $inbox, string $id, string $body): bool
{
    $kept = "$inbox/$id.json";
    if (file_exists($kept)) {
        return true;
    }
    $arriving = "$inbox/" . bin2hex(random_bytes(16)) . '.part';
    return file_put_contents($arriving, $body) === strlen($body) && rename($arriving, $kept);
}

function receive(string $secret, string $inbox): int
{
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
    if ($key === false || $key === '') {
        return 500; // without a secret anybody could sign
    }
    $body = file_get_contents('php://input');
    $id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $timestamp = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if (!is_ours($id, $timestamp, $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '', $body, $key)) {
        return 400;
    }
    return keep($inbox, $id, $body) ? 200 : 500; // 500: not kept, it will be sent again
}

http_response_code(receive((string) getenv('WEBHOOK_SECRET'), (string) getenv('WEBHOOK_INBOX')));
